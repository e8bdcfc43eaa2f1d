//! A model of no service, for tests: every way in which a member can be written. The cases are those that Smithy's
//! protocol tests (`smithy-aws-protocol-tests`) name as the ones that matter, in words of our own.

use std::sync::OnceLock;

use aws_model::model::{Model, Operation};
use aws_model::{Document, Service};
use serde_json::Value;

const TEXT: &str = r#"{"names":["Do","DoNothing","Put","PutBlob","PutNote"],
"operations":{
"Do":{"input":"All","output":"All","errors":["Broken"],"wrapper":"DoResult"},
"DoNothing":{},
"Put":{"input":"Bound","output":"Bound","method":"PUT","path":"/things/{Id}/{Rest+}","status":201},
"PutBlob":{"input":"WithBlob","output":"WithBlob","path":"/blob"},
"PutNote":{"input":"WithNote","output":"WithNote","path":"/note"}
},
"shapes":{
"All":{"type":"structure","members":[["Text","Text"],["Renamed","Text",{"name":"Other"}],["Queried","Text",{"name":"wired","query":"asIs"}],
 ["low","Text"],["Int","Int"],["Long","Long"],["Double","Double"],["Flag","Flag"],["Blob","Blob"],
 ["At","At"],["AtSeconds","At",{"time":"unixTimestamp"}],["AtHttp","AtHttp"],["AtOwn","AtSecondsShape"],
 ["List","Texts"],["NamedItems","NamedTexts"],["FlatNamed","FlatNamedTexts"],["FlatHere","Texts",{"flat":true}],["Flat","FlatTexts"],
 ["Nested","Lists"],["Structs","Structs"],["Ints","Ints"],
 ["Map","Map"],["NamedMap","NamedMap"],["FlatMap","FlatMap"],["RenamedMap","Map",{"name":"Foo"}],["Deep","Deep"],["Struct","Inner"],["Self","All"],["Word","Word"]]},
"Text":{"type":"string"},"Word":{"type":"string","enum":["a","b"]},"Int":{"type":"integer"},"Long":{"type":"long"},"Double":{"type":"double"},"Flag":{"type":"boolean"},
"Blob":{"type":"blob"},"At":{"type":"timestamp"},"AtHttp":{"type":"timestamp","time":"rfc822"},"AtSecondsShape":{"type":"timestamp","time":"unixTimestamp"},
"Texts":{"type":"list","item":"Text"},"NamedTexts":{"type":"list","item":"Text","name":"item"},
"FlatNamedTexts":{"type":"list","item":"Text","name":"Hi","flat":true},"FlatTexts":{"type":"list","item":"Text","flat":true},
"Lists":{"type":"list","item":"Texts"},"Structs":{"type":"list","item":"Inner"},"Ints":{"type":"list","item":"Int"},
"Inner":{"type":"structure","members":[["A","Text"],["B","Text",{"name":"b"}],["At","AtIso",{}]]},
"AtIso":{"type":"timestamp","time":"iso8601"},
"Map":{"type":"map","key":"Text","item":"Text"},"NamedMap":{"type":"map","key":"Text","item":"Int","key_name":"K","name":"V"},
"FlatMap":{"type":"map","key":"Text","item":"Text","flat":true,"key_name":"K","name":"V"},"Deep":{"type":"map","key":"Text","item":"Texts"},
"Bound":{"type":"structure","members":[["Id","Text",{"at":"uri"}],["Rest","Text",{"at":"uri"}],["Q","Int",{"at":"querystring","name":"q"}],
 ["Qs","Texts",{"at":"querystring","name":"qs"}],["Others","Map",{"at":"querystring"}],["When","At",{"at":"header","name":"X-When"}],
 ["Words","Texts",{"at":"header","name":"X-Words"}],["Meta","Map",{"at":"headers","name":"X-Meta-"}],["Name","Text",{"name":"name"}],
 ["Made","At",{"name":"made"}],["MadeIso","AtIso"],["Code","Int",{"at":"statusCode"}]]},
"WithBlob":{"type":"structure","members":[["Data","Blob"],["Kind","Text",{"at":"header","name":"X-Kind"}]],"payload":"Data"},
"WithNote":{"type":"structure","members":[["Note","Inner",{"name":"TheNote"}]],"payload":"Note"},
"Broken":{"type":"structure","members":[["message","Text"]],"error":{"code":"Broken.Thing","status":409}}
}}"#;

/// Returns an operation of the model, as one of a service: its namespace and protocols are that service's.
pub(crate) fn operation(service: Service, name: &str) -> Operation {
    static MODELS: OnceLock<Vec<(Service, &'static Model)>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        Service::all().map(|service| (service, &*Box::leak(Box::new(Model::of_text(service, TEXT))))).collect()
    });
    let model = models.iter().find(|(of, _)| *of == service).map(|(_, model)| *model);
    model.and_then(|model| model.operation(name)).unwrap()
}

pub(crate) fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("no document: {other}"),
    }
}
