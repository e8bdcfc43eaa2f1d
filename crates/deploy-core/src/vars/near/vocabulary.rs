//! Which words do names of variables have? Two words that both exist are two words, however near.
//!
//! Made by hand, from the names that Django, Rails, Node, AWS, Datadog and the usual services want, and
//! from pairs of words that are a letter apart.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// In the order of the alphabet.
const WORDS: &str = "\
    a abort about absolute abuse accept acceptance access account accounting acl acme acquire across \
    act action active activity actor adapt adapter add address admin adopt advance affect after age \
    agency agent aggregate ai air alarm alert algolia algorithm alias all allow allowed alpha \
    alternate amazon amount amplitude amqp analysis analytics and anon anthropic any apache apex api \
    apm app apple application approve apps arch archive area arg argument arn array art asana ask \
    assert asset assign async attach attempt audience audio audit auth author authority auto \
    autoscaling availability available avatar aws azure back backend background backlog backoff \
    backup bad balance ban banner bar base basic batch beacon bearer before begin beta bid bill \
    billing bin bind bit bitbucket black blob block blog blue board bool boot bot bound box \
    braintree branch brand braze bridge brief broadcast broker browser bucket buffer bug build \
    builder bulk bundle bus business button buy byte cache calendar call callback campaign canary \
    cancel cap capacity captcha capture card care cart case cast catalog category celery cell center \
    cert certificate chain change channel chaos chart chat check checkout checksum child choice \
    chrome chunk ci cidr circle city claim class clean clear clerk click client clock clone close \
    cloud cloudflare cloudfront cloudinary cloudwatch cluster cms code cognito cohere cold collect \
    collection collector color column command comment commit common community company compare \
    compile complete component compose compress compute concurrency conf config configuration \
    confirm connect connection consent console constant consul consumer contact container content \
    contentful contest context contract control cookie copy core cors cost count counter country \
    coupon course court cover cpu craft crash create creation credential credit cron cross crypto \
    csrf css csv currency current cursor custom customer cut cycle daily daphne dash dashboard data \
    database datadog date day db dead deal debug decay decode decrypt deepgram default defer delay \
    delete delivery demo deny deploy deployment depth desc design desk detail dev develop developer \
    development device digest dir direct directory disable disk dispatch display distribution django \
    dns do doc docker document docusign dollar domain down download draft drive driver drop dry dsn \
    dummy dump duration dynamic dynamo dynamodb east echo ecr ecs edge edit editor effect efs eks \
    elastic elasticache elasticsearch elb element email embed emergency emit employee empty enable \
    encode encoding encrypt encryption end endpoint engine entity entry enum env environment epoch \
    error est eu event every example exchange exclude exec execute exit expire expiry export expose \
    express ext extension extern external extra fabric face facebook factor fail failure fake fall \
    fallback family fargate fast fastly fatal feature fee feed feedback fetch few field figma file \
    fill filter final finance find fire firebase firehose first fix flag flask fleet flood flow \
    fluent flush folder font force form format forum forward frame frequency fresh from front \
    frontend ftp full function fund future gas gate gateway gcp gcs gemini gen generate generation \
    geo get git github gitlab global gmail go google grace grade grafana grant graph graphql grid \
    grok groq group growth grpc guard guest guide gunicorn handle handler hard hash hasura head \
    header health heap heartbeat help heroku hex hidden hide high hint history hit hold home \
    honeycomb hook host hot hotjar hour href html http httpd https hub hubspot human iam icon id \
    idle idp if image imap img import in include incoming index indexer info infra infrastructure \
    init inline input insert inside insight inspect instagram install instance int integration \
    intercom interface internal interval invert invite invoice ip is iso issue issuer item java \
    jenkins jira job join journal js json jump jwt kafka keep key keycloak keyword kibana kid kind \
    kinesis klaviyo kms lab label lake lambda lang language large last latency launch launchdarkly \
    layer layout ldap lead leader lean leap learn lease legacy legal len length less level lib \
    library license life lifetime light like limit line link linkedin linux list listen listener \
    listing live load loader local locale location lock log logger logic login logo logout long look \
    loop low lower mail mailchimp mailer mailgun mailhog main maintenance make man manage manager \
    manifest manual map mapbox mark marker market marketing mask master match material max mean \
    media median member memcached memory menu merchant merge message meta metadata meter method \
    metric metrics microsoft middle migrate migration min minimum minute mirror miss mistral mix \
    mixpanel mobile mock mod mode model moderation modern module moment mongo mongodb monitor month \
    more most mount mouse move mqtt ms msg multi mux my mysql name namespace nano nat native near \
    neo net netlify network never new newrelic news next nginx ngrok no node noise none normal north \
    not note notification notify notion null number oauth object of off office offline offset ok \
    okta old on once one online only open openai opensearch operator opt optimizely option or oracle \
    order org organisation organization origin original os otel other otp out outbound outgoing \
    output outside over override own owner pack package page pager pagerduty paid pair panel paper \
    param parameter parent park parse parser part partition partner party pass passphrase password \
    past patch path pattern pause pay payload payment paypal pdf peer pem pending people per percent \
    performance period permission persist person pg pgbouncer phase phone photo php pick pid pin \
    pinecone ping pipeline pixel plaid plain plan planner platform plausible play plugin pod point \
    policy poll pool pop port portal post postgres postgresql posthog postmark power pre prefix \
    premium present preset preview previous price pride primary print priority privacy private probe \
    process processor prod producer product production profile program progress project prometheus \
    prompt proof prop property protect protocol provider proxy public publish publishable pull puma \
    purge purpose push pusher put pwd python qdrant quality query question queue quick quiet quit \
    quite quota quote rabbit rabbitmq race rack rails random range rank rate ratio raw ray razorpay \
    rds read reader ready real realm reason recaptcha receive recipient record recovery recurring \
    red redirect redis reduce ref reference refresh refund region register registration registry \
    reject relation relay release religion reload remote remove render repeat replay replica \
    replicate reply repo report repository request require resend reserve reset residence resource \
    response rest restart restore result resume retention retry return reverse review revision \
    revoke reward rewrite rich right risk role roll rollback room root rotate rotation round route \
    router row rpc rsa ruby rule run runner runtime saas safe sail sale salesforce salt same saml \
    sample sandbox sanity save scale scan scanner schedule scheduler schema scheme scope score \
    screen script sdk search season second secret section secure security seed segment select self \
    sell send sender sendgrid sensor sentinel sentry sequence serve server service session set \
    settings setup sftp sha shadow shape shard share sheet shell shift ship shop shopify short show \
    shut sid side sidekiq sign signal signature signin signup silent simple single site size skip \
    sku slack slave sleep slim slot slow slug small smart sms smtp snapshot snowflake sns social \
    socket soft software solr sort source south space span spark spec speed spend split sql sqlite \
    sqs square ssh ssl ssm sso stable stack staff stage staging stake stale standard star start stat \
    state static station statsd status stay steam step stock stop storage store story strap strapi \
    strategy stream street strict string strip stripe strong style sub subdomain subject submit \
    subnet subscribe subscription success suffix suite sum summary supabase super supervisor supply \
    support survey suspend svc swagger switch symbol sync system tab table tag tail take talk target \
    task tax team tech telegram telemetry template temporal tenant term terraform test text theme \
    thread threshold throttle throughput ticket tier time timeout timer timestamp timezone title tls \
    tmp to token tool top topic total touch trace track tracker tracking trade traffic trail train \
    transaction transfer transform transit translate transport trap trash tree trial trigger trim \
    true trust try ttl tunnel turn twilio twitter two type typesense ui uid umami under unit unix \
    unsafe up update upgrade upload upper upstream uri url usage use user username utc util uuid \
    uwsgi vacuum valid validate validation value variable vault vector vendor verbose vercel \
    verification verify version vertical via video view violation vip virtual visibility visit voice \
    volume vote vpc wait wall wallet want warm warn warning watch wave weaviate web webhook website \
    week weight west whatsapp white whitelist wide widget width wildcard window wire with word \
    worker workflow workspace world wrap write xml xray yaml year yellow yes zendesk zero zip zone \
    zoom";

static KNOWN: LazyLock<BTreeSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

/// Endings that make a word of a word.
const ENDINGS: [&str; 14] = ["s", "es", "d", "ed", "r", "er", "ers", "ing", "or", "able", "ion", "ly", "y", "ment"];
/// Beginnings that make a word of a word.
const BEGINNINGS: [&str; 9] = ["un", "re", "pre", "non", "sub", "multi", "auto", "dis", "super"];

/// Returns whether this is a word, or made of one.
pub(in crate::vars) fn is_word(word: &str) -> bool {
    if KNOWN.contains(word) || is_inflected(word) {
        return true;
    }
    BEGINNINGS.iter().filter_map(|start| word.strip_prefix(start)).any(|rest| rest.len() > 2 && KNOWN.contains(rest))
}

fn is_inflected(word: &str) -> bool {
    ENDINGS.iter().filter_map(|end| word.strip_suffix(end)).filter(|stem| stem.len() > 2).any(|stem| {
        let doubled = || stem.len() > 3 && stem.as_bytes()[stem.len() - 1] == stem.as_bytes()[stem.len() - 2];
        // `cached` of `cache`, `listed` of `list`, `caching` of `cache`, `planned` of `plan`, `retries` of `retry`.
        KNOWN.contains(stem)
            || KNOWN.contains(format!("{stem}e").as_str())
            || (doubled() && KNOWN.contains(&stem[..stem.len() - 1]))
            || stem.strip_suffix('i').is_some_and(|stem| KNOWN.contains(format!("{stem}y").as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_word;

    #[test]
    fn words_are_known_in_their_forms() {
        for word in
            ["cache", "cached", "caching", "listed", "planned", "retries", "unsubscribe", "sender", "connection"]
        {
            assert!(is_word(word), "{word}");
        }
        for word in ["databse", "pasword", "conection", "hsot", "goggle", ""] {
            assert!(!is_word(word), "{word}");
        }
    }
}
