//! Requests and answers letter by letter, over a model that has every way to write a member (see `cases`). Which cases
//! matter is Smithy's protocol tests' to say; what the bytes are is the specification's.

use aws_model::{AwsError, Protocol, Service};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::cases::{document, operation};
use crate::{answer, query, rest};

const QUERY: Service = Service::Iam;
const EC2: Service = Service::Ec2;
const XML: Service = Service::Route53;

fn asked(service: Service, form: &str, expected: Value) {
    let got = query::read(operation(service, "Do"), query::pairs(form)).map(Value::Object);
    assert_eq!(got, Ok(expected), "{form}");
}

#[test]
fn query_lists() {
    asked(QUERY, "List.member.1=a&List.member.2=", json!({"List": ["a", ""]}));
    asked(QUERY, "List=", json!({"List": []}));
    asked(QUERY, "NamedItems.item.1=a&NamedItems.item.2=b", json!({"NamedItems": ["a", "b"]}));
    asked(QUERY, "Hi.1=a&Hi.2=b", json!({"FlatNamed": ["a", "b"]}));
    asked(QUERY, "FlatHere.1=a&Flat.1=b", json!({"FlatHere": ["a"], "Flat": ["b"]}));
    asked(QUERY, "Nested.member.1.member.1=a&Nested.member.2.member.1=b", json!({"Nested": [["a"], ["b"]]}));
    asked(QUERY, "Structs.member.1.A=a&Structs.member.1.b=b", json!({"Structs": [{"A": "a", "B": "b"}]}));
    asked(QUERY, "Self.List.member.1=a&Struct.A=x", json!({"Self": {"List": ["a"]}, "Struct": {"A": "x"}}));
}

#[test]
fn query_maps() {
    asked(
        QUERY,
        "Map.entry.1.key=k&Map.entry.1.value=v&Map.entry.2.key=l&Map.entry.2.value=",
        json!({"Map": {"k": "v", "l": ""}}),
    );
    asked(QUERY, "NamedMap.entry.1.K=k&NamedMap.entry.1.V=5", json!({"NamedMap": {"k": 5}}));
    asked(QUERY, "FlatMap.1.K=k&FlatMap.1.V=v", json!({"FlatMap": {"k": "v"}}));
    asked(QUERY, "Foo.entry.1.key=k&Foo.entry.1.value=v", json!({"RenamedMap": {"k": "v"}}));
    asked(QUERY, "Deep.entry.1.key=k&Deep.entry.1.value.member.1=v", json!({"Deep": {"k": ["v"]}}));
}

#[test]
fn query_values() {
    let at = 1_422_172_800;
    asked(
        QUERY,
        "At=2015-01-25T08%3A00%3A00Z&AtSeconds=1422172800&AtOwn=1422172800.5",
        json!({"At": at, "AtSeconds": at, "AtOwn": 1_422_172_800.5}),
    );
    asked(QUERY, "AtHttp=Sun%2C+25+Jan+2015+08%3A00%3A00+GMT", json!({"AtHttp": at}));
    asked(
        QUERY,
        "Text=true&Int=-5&Long=9007199254740993&Double=NaN&Flag=true&Blob=AAE%3D&Word=a",
        json!({
            "Text": "true", "Int": -5, "Long": 9_007_199_254_740_993_i64, "Double": "NaN", "Flag": true, "Blob": "AAE=", "Word": "a",
        }),
    );
    asked(QUERY, "Other=x&Renamed=y&Queried=z", json!({"Renamed": "x"}));
    // Of a name that is said twice the last one counts; what says nothing is not there.
    asked(QUERY, "Text=a&Text=b&Word=&Int=&Flag=&At=&Double=&Struct=&Map=", json!({"Text": "b"}));
}

#[test]
fn ec2_names_and_flat_lists() {
    asked(EC2, "Text=a&Other=x&asIs=y&Low=z", json!({"Text": "a", "Renamed": "x", "Queried": "y", "low": "z"}));
    asked(
        EC2,
        "List.1=a&List.2=b&NamedItems.1=c&Structs.1.B=b",
        json!({"List": ["a", "b"], "NamedItems": ["c"], "Structs": [{"B": "b"}]}),
    );
    let refused = |form: &str| query::read(operation(EC2, "Do"), query::pairs(form)).unwrap_err().code;
    assert_eq!(refused("Structs.1.Nonsense=1"), "UnknownParameter");
    assert_eq!(refused("queried=1"), "UnknownParameter");
    assert_eq!(refused("Flag=maybe"), "InvalidParameterValue");
}

fn answered(service: Service, name: &str, value: Value, expected: &str) {
    let protocol = service.protocols()[0];
    let reply = answer::success(protocol, operation(service, name), document(value), "id");
    assert_eq!(String::from_utf8_lossy(&reply.body), format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{expected}"));
}

fn in_query(value: Value, expected: &str) {
    let head = "<DoResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><DoResult>";
    let tail = "</DoResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>";
    answered(QUERY, "Do", value, &format!("{head}{expected}{tail}"));
}

#[test]
fn xml_lists_and_maps() {
    in_query(json!({"List": ["a", ""]}), "<List><member>a</member><member></member></List>");
    in_query(json!({"List": []}), "<List></List>");
    in_query(json!({"NamedItems": ["a"]}), "<NamedItems><item>a</item></NamedItems>");
    in_query(json!({"FlatNamed": ["a", "b"]}), "<Hi>a</Hi><Hi>b</Hi>");
    in_query(json!({"FlatHere": ["a"], "Flat": ["b"]}), "<FlatHere>a</FlatHere><Flat>b</Flat>");
    in_query(json!({"Nested": [["a"], []]}), "<Nested><member><member>a</member></member><member></member></Nested>");
    in_query(json!({"Structs": [{"B": "x"}]}), "<Structs><member><b>x</b></member></Structs>");
    in_query(json!({"Map": {"k": "v"}}), "<Map><entry><key>k</key><value>v</value></entry></Map>");
    in_query(json!({"NamedMap": {"k": 1}}), "<NamedMap><entry><K>k</K><V>1</V></entry></NamedMap>");
    in_query(
        json!({"FlatMap": {"k": "v", "l": "w"}}),
        "<FlatMap><K>k</K><V>v</V></FlatMap><FlatMap><K>l</K><V>w</V></FlatMap>",
    );
}

#[test]
fn xml_values() {
    let at = 1_422_172_800;
    in_query(
        json!({"At": at, "AtSeconds": at, "AtHttp": at, "AtOwn": 0.5}),
        "<At>2015-01-25T08:00:00.000Z</At>\
        <AtSeconds>1422172800</AtSeconds><AtHttp>Sun, 25 Jan 2015 08:00:00 GMT</AtHttp><AtOwn>0.5</AtOwn>",
    );
    // A text where the model has an instant or a number is written as it is.
    in_query(json!({"At": "x", "Int": "5", "Renamed": 7}), "<At>x</At><Int>5</Int><Other>7</Other>");
    in_query(
        json!({"Double": "NaN", "Flag": false, "Blob": "AAE=", "Text": null}),
        "<Double>NaN</Double><Flag>false</Flag><Blob>AAE=</Blob>",
    );
}

#[test]
fn ec2_answers() {
    let head = "<DoResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id</requestId>";
    let check = |value, expected: &str| answered(EC2, "Do", value, &format!("{head}{expected}</DoResponse>"));
    check(json!({"List": ["a"], "Queried": "q"}), "<List><item>a</item></List><wired>q</wired>");
    check(json!({"Structs": [{"A": "x"}]}), "<Structs><item><A>x</A></item></Structs>");
}

#[test]
fn operations_without_output() {
    let head = "<DoNothingResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">";
    answered(
        QUERY,
        "DoNothing",
        json!({}),
        &format!("{head}<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoNothingResponse>"),
    );
    for (protocol, status, kind, body) in [
        (Protocol::Json11, 200, Some("application/x-amz-json-1.1"), "{}"),
        (Protocol::RpcV2Cbor, 200, None, ""),
        (Protocol::RestXml, 200, None, ""),
    ] {
        let reply = answer::success(protocol, operation(QUERY, "DoNothing"), document(json!({})), "id");
        assert_eq!(
            (reply.status, reply.content_type, String::from_utf8_lossy(&reply.body).as_ref()),
            (status, kind, body),
            "{protocol:?}"
        );
    }
}

#[test]
fn rest_requests() {
    let headers: HeaderMap = [("x-when", "Sun, 25 Jan 2015 08:00:00 GMT"), ("x-words", "a, b"), ("x-meta-k", "v")]
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
        .collect();
    let pairs = query::pairs("q=5&qs=a&qs=b&z=1");
    let check = |protocol, body: &str| {
        let labels = vec![("Id", "a/b".to_owned()), ("Rest", "c/d".to_owned())];
        let request = rest::Request { labels, query: &pairs, headers: &headers, body: body.as_bytes() };
        Value::Object(rest::read(protocol, operation(XML, "Put"), request).unwrap())
    };
    let mut want = json!({
        "Name": "n", "Made": 1_422_172_800, "MadeIso": 1_422_172_800, "Id": "a/b", "Rest": "c/d", "Q": 5,
        "Qs": ["a", "b"], "Others": {"z": "1"}, "When": 1_422_172_800, "Words": ["a", "b"], "Meta": {"k": "v"},
    });
    let xml = "<Bound><name>n</name><made>2015-01-25T08:00:00Z</made><MadeIso>2015-01-25T08:00:00Z</MadeIso></Bound>";
    assert_eq!(check(Protocol::RestXml, xml), want);
    let json = r#"{"name":"n","made":1422172800,"MadeIso":"2015-01-25T08:00:00Z","New":[1]}"#;
    want["New"] = json!([1]); // what the model does not have stays
    assert_eq!(check(Protocol::RestJson, json), want);
}

#[test]
fn rest_answers() {
    let value = json!({"When": 1_422_172_800, "Words": ["a", "b"], "Meta": {"k": "v"}, "Code": 202, "Name": "n", "Made": 0.5, "MadeIso": 0});
    let reply = |protocol| answer::success(protocol, operation(XML, "Put"), document(value.clone()), "id");
    let xml = reply(Protocol::RestXml);
    let headers: Vec<String> = xml.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(headers, ["X-When: Sun, 25 Jan 2015 08:00:00 GMT", "X-Words: a,b", "X-Meta-k: v"]);
    assert_eq!((xml.status, xml.content_type), (202, Some("text/xml")));
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Bound xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><name>n</name><made>1970-01-01T00:00:00.500Z</made>\
                <MadeIso>1970-01-01T00:00:00.000Z</MadeIso></Bound>";
    assert_eq!(String::from_utf8_lossy(&xml.body), body);
    let json = reply(Protocol::RestJson);
    let body: Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(body, json!({"name": "n", "made": 0.5, "MadeIso": "1970-01-01T00:00:00.000Z"}));
    assert_eq!(json.content_type, Some("application/json"));
    let plain = answer::success(Protocol::RestJson, operation(XML, "Put"), document(json!({})), "id");
    assert_eq!((plain.status, &plain.body[..]), (201, &b"{}"[..]));
}

#[test]
fn a_member_can_be_the_whole_body() {
    let read = |protocol, name, body: &[u8]| {
        let request = rest::Request { labels: Vec::new(), query: &[], headers: &HeaderMap::new(), body };
        rest::read(protocol, operation(XML, name), request).map(Value::Object)
    };
    assert_eq!(read(Protocol::RestXml, "PutBlob", &[0, 1]), Ok(json!({"Data": "AAE="})));
    assert_eq!(read(Protocol::RestXml, "PutNote", b"<TheNote><A>a</A></TheNote>"), Ok(json!({"Note": {"A": "a"}})));
    assert_eq!(
        read(Protocol::RestJson, "PutNote", br#"{"A":"a","At":"1970-01-01T00:00:01Z"}"#),
        Ok(json!({"Note": {"A": "a", "At": 1}}))
    );
    assert_eq!(read(Protocol::RestJson, "PutNote", b""), Ok(json!({})));
    let blob = answer::success(
        Protocol::RestXml,
        operation(XML, "PutBlob"),
        document(json!({"Data": "AAE=", "Kind": "x"})),
        "id",
    );
    assert_eq!(
        (blob.content_type, &blob.body[..], &*blob.headers[0].1),
        (Some("application/octet-stream"), &[0, 1][..], "x")
    );
    let note =
        answer::success(Protocol::RestXml, operation(XML, "PutNote"), document(json!({"Note": {"B": "x"}})), "id");
    assert!(String::from_utf8_lossy(&note.body).ends_with("/2013-04-01/\"><b>x</b></TheNote>"), "{note:?}");
}

#[test]
fn an_error_has_its_own_code_in_query_its_shapes_name_elsewhere_and_the_models_status() {
    let error = AwsError::new("Broken.Thing", "m");
    let told = |service: Service, protocol| {
        let caller = answer::Caller { protocol, service: Some(service) };
        let reply = answer::error(caller, Some(operation(service, "Do")), &error, "id");
        format!("{} {:?} {}", reply.status, reply.headers, String::from_utf8_lossy(&reply.body))
    };
    let check = |text: String, words: &[&str]| {
        words.iter().for_each(|word| assert!(text.contains(word), "no {word} in {text}"))
    };
    check(told(QUERY, Protocol::Query), &["409 ", "<Code>Broken.Thing</Code>"]);
    check(told(Service::Ecs, Protocol::Json11), &["409 ", r#""__type":"Broken""#]);
    check(told(Service::CloudWatch, Protocol::Json10), &["Broken.Thing;Sender", r#""__type":"Broken""#]);
    check(
        told(Service::CloudWatch, Protocol::RpcV2Cbor),
        &["Broken.Thing;Sender", "com.amazonaws.cloudwatch#Broken", "rpc-v2-cbor"],
    );
}
