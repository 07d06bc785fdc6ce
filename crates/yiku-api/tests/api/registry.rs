use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};
use yiku_core::text_bytes::to_base64;

use crate::support::{Answer, TestHub, hub};

const AVRO: &str = "entry.public-security.household-value";
const JSON: &str = "entry.public-security.household.json-value";
const KIND: &str = "application/vnd.schemaregistry.v1+json";

async fn get(hub: &TestHub, path: &str) -> Answer {
    hub.get("civil", &format!("/registry{path}")).await
}

async fn call(hub: &TestHub, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(format!("/registry{path}"));
    let request = request.header(header::CONTENT_TYPE, KIND);
    hub.send("civil", request.body(body.to_string().into()).unwrap()).await
}

/// Status, code and message of an error.
fn refusal(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    let (code, message) = (&body["error_code"], body["message"].as_str().unwrap());
    format!("{} {code} {message}", answer.status.as_u16())
}

/// The schema that is published under a number.
async fn schema(hub: &TestHub, id: u32) -> Value {
    get(hub, &format!("/schemas/ids/{id}/schema")).await.json()
}

#[tokio::test]
async fn subjects_and_versions() {
    let hub = hub().await;
    let all = json!([
        "entry.civil-affairs.marriage-value",
        "entry.civil-affairs.marriage.json-value",
        AVRO,
        JSON
    ]);
    let python = "?deleted=False&deleted_only=False&offset=0&limit=-1&subject_prefix=";
    assert_eq!(get(&hub, &format!("/subjects{python}")).await.json(), all);
    assert_eq!(get(&hub, "/subjects?subjectPrefix=:*:").await.json(), all);
    assert_eq!(get(&hub, "/subjects?offset=1&limit=1").await.json(), json!([all[1]]));
    let prefix = "subjectPrefix=entry.public-security.household-";
    assert_eq!(get(&hub, &format!("/subjects?{prefix}")).await.json(), json!([AVRO]));
    assert_eq!(get(&hub, "/subjects?deletedOnly=true").await.json(), json!([]));

    assert_eq!(get(&hub, &format!("/subjects/{AVRO}/versions")).await.json(), json!([1]));
    let shown = get(&hub, &format!("/subjects/{AVRO}/versions/1")).await.json();
    assert_eq!(shown["subject"], AVRO);
    assert_eq!((&shown["id"], &shown["version"]), (&json!(3), &json!(1)));
    assert_eq!(shown.get("schemaType"), None, "Avro goes without saying");
    for same in ["latest", "-1"] {
        assert_eq!(get(&hub, &format!("/subjects/{AVRO}/versions/{same}")).await.json(), shown);
    }
    let qualified = get(&hub, &format!("/subjects/:.:{AVRO}/versions/latest")).await;
    assert_eq!(qualified.json(), shown, "the default context may be named");
    let text = get(&hub, &format!("/subjects/{AVRO}/versions/1/schema")).await.text;
    assert_eq!(shown["schema"], text);
    let twin = get(&hub, &format!("/subjects/{JSON}/versions/latest")).await.json();
    assert_eq!((&twin["id"], &twin["schemaType"]), (&json!(4), &json!("JSON")));
    let nobody = get(&hub, &format!("/subjects/{AVRO}/versions/1/referencedby")).await.json();
    assert_eq!(nobody, json!([]));
    assert_eq!(hub.receipts().await, [""; 0]);
}

#[tokio::test]
async fn schemas_by_number() {
    let hub = hub().await;
    let shown = get(&hub, &format!("/schemas/ids/3?subject={AVRO}&fetchMaxId=True")).await.json();
    assert_eq!(shown["maxId"], 4);
    assert_eq!(shown.get("schemaType"), None);
    let text = shown["schema"].as_str().unwrap();
    assert_eq!(get(&hub, "/schemas/ids/3/schema").await.text, text);
    assert_eq!(get(&hub, "/schemas/ids/4").await.json()["schemaType"], "JSON");
    assert_eq!(get(&hub, "/schemas/ids/3/subjects").await.json(), json!([AVRO]));
    let versions = get(&hub, "/schemas/ids/4/versions").await.json();
    assert_eq!(versions, json!([{ "subject": JSON, "version": 1 }]));
    assert_eq!(get(&hub, "/schemas/types").await.json(), json!(["AVRO", "JSON"]));
    let all = get(&hub, "/schemas?latestOnly=true&offset=2").await.json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!((&all[0]["id"], &all[0]["schema"]), (&json!(3), &json!(text)));
}

#[tokio::test]
async fn what_is_not_there_is_said_as_confluent_says_it() {
    let hub = hub().await;
    let check = async |path: &str, expected: &str| {
        assert_eq!(refusal(&get(&hub, path).await), expected, "{path}");
    };
    check("/subjects/x/versions", "404 40401 Subject 'x' not found.").await;
    check("/subjects/x/versions/latest", "404 40401 Subject 'x' not found.").await;
    let version = |version: &str| format!("/subjects/{AVRO}/versions/{version}");
    check(&version("2"), "404 40402 Version 2 not found.").await;
    let invalid = "422 42202 The specified version '0' is not a valid version id. Allowed values \
                   are between [1, 2^31-1] and the string \"latest\"";
    check(&version("0"), invalid).await;
    check("/schemas/ids/77", "404 40403 Schema 77 not found").await;
    check("/schemas/ids/77/versions", "404 40403 Schema 77 not found").await;
    check("/schemas/ids/x", "404 404 HTTP 404 Not Found").await;
    let level = "404 40408 Subject 'x' does not have subject-level compatibility configured";
    check("/config/x", level).await;
    check("/mode/x", "404 40409 Subject 'x' does not have subject-level mode configured").await;
    let association = "/associations/resources/-/x?resourceType=topic&associationType=value";
    check(association, "404 404 HTTP 404 Not Found").await;
    let answer = call(&hub, "PATCH", "/subjects", json!({})).await;
    assert_eq!(refusal(&answer), "405 405 HTTP 405 Method Not Allowed");
}

#[tokio::test]
async fn settings_are_read_and_never_changed() {
    let hub = hub().await;
    for path in ["", "/"] {
        assert_eq!(get(&hub, path).await.json(), json!({}), "{path:?}");
    }
    let level = json!({ "compatibilityLevel": "BACKWARD" });
    for path in ["/config", &format!("/config/{AVRO}"), "/config/x?defaultToGlobal=true"] {
        assert_eq!(get(&hub, path).await.json(), level, "{path}");
    }
    for path in ["/mode", &format!("/mode/{AVRO}")] {
        assert_eq!(get(&hub, path).await.json(), json!({ "mode": "READONLY" }), "{path}");
    }
    assert_eq!(get(&hub, "/contexts").await.json(), json!(["."]));

    let none = json!({ "compatibility": "NONE" });
    let refused = [
        ("PUT", "/config".to_owned(), none.clone()),
        ("PUT", format!("/config/{AVRO}"), none),
        ("DELETE", format!("/config/{AVRO}"), json!({})),
        ("PUT", "/mode".to_owned(), json!({ "mode": "READWRITE" })),
        ("PUT", format!("/mode/{AVRO}"), json!({ "mode": "IMPORT" })),
        ("DELETE", format!("/mode/{AVRO}"), json!({})),
        ("DELETE", format!("/subjects/{AVRO}"), json!({})),
        ("DELETE", format!("/subjects/{AVRO}/versions/1?permanent=true"), json!({})),
    ];
    let count = refused.len();
    for (method, path, body) in refused {
        let said = refusal(&call(&hub, method, &path, body).await);
        assert!(said.starts_with("422 42205 The registry is in read-only mode"), "{said}");
        assert!(said.contains("yiku catalog publish"), "{said}");
    }
    assert_eq!(hub.receipts().await, vec!["refuse token:civil refused registry"; count]);
    let said = refusal(&call(&hub, "PUT", "/config", json!({ "compatibility": "SOME" })).await);
    assert!(said.starts_with("422 42203 Invalid compatibility level"), "{said}");
    let said = refusal(&call(&hub, "PUT", "/mode", json!({ "mode": "SOME" })).await);
    assert!(said.starts_with("422 42204 Invalid mode"), "{said}");
}

#[tokio::test]
async fn a_schema_equal_to_a_published_one_has_its_number_under_any_subject() {
    let hub = hub().await;
    let mut own = schema(&hub, 3).await;
    own.as_object_mut().unwrap().retain(|keyword, _| !keyword.starts_with("yiku."));
    own["doc"] = "our own words".into();
    let sent = json!({ "schema": format!("{own:#}"), "schemaType": "AVRO", "references": [] });
    for subject in [AVRO, "households-value", "a%2Fb"] {
        let path = format!("/subjects/{subject}/versions?normalize=False");
        assert_eq!(call(&hub, "POST", &path, sent.clone()).await.json(), json!({ "id": 3 }));
        let path = format!("/subjects/{subject}?normalize=False&deleted=False");
        let found = call(&hub, "POST", &path, sent.clone()).await.json();
        assert_eq!((&found["id"], &found["version"]), (&json!(3), &json!(1)), "{found}");
        assert_eq!(found["subject"], subject.replace("%2F", "/"));
    }
    let twin = json!({ "schema": schema(&hub, 4).await.to_string(), "schemaType": "JSON" });
    let path = "/subjects/households-value/versions";
    assert_eq!(call(&hub, "POST", path, twin).await.json(), json!({ "id": 4 }));
    assert_eq!(hub.receipts().await, [""; 0]);
}

#[tokio::test]
async fn no_other_schema_is_registered_and_the_reason_is_said() {
    let hub = hub().await;
    let register = async |subject: &str, schema: &Value| {
        let path = format!("/subjects/{subject}/versions");
        refusal(&call(&hub, "POST", &path, json!({ "schema": schema.to_string() })).await)
    };
    let mut wider = schema(&hub, 3).await;
    let more = json!({ "name": "more", "type": ["null", "int"], "default": null });
    wider["fields"].as_array_mut().unwrap().push(more);
    for subject in [AVRO, "mine-value"] {
        let said = register(subject, &wider).await;
        assert!(
            said.starts_with(&format!("422 42205 Subject {subject} is in read-only")),
            "{said}"
        );
        assert!(said.contains("yiku catalog publish"), "{said}");
    }
    wider["fields"][18]["type"] = "int".into();
    wider["fields"][18].as_object_mut().unwrap().remove("default");
    let said = register(AVRO, &wider).await;
    let expected = format!(
        "409 409 Schema being registered is incompatible with an earlier schema for subject \
         \"{AVRO}\", details: [field `more` is new and has no default]. "
    );
    assert!(said.starts_with(&expected) && said.contains("yiku catalog publish"), "{said}");
    assert_eq!(hub.receipts().await, vec!["refuse token:civil refused registry"; 3]);

    let look_up = async |subject: &str| {
        let sent = json!({ "schema": wider.to_string() });
        refusal(&call(&hub, "POST", &format!("/subjects/{subject}"), sent).await)
    };
    assert_eq!(look_up(AVRO).await, "404 40403 Schema not found");
    assert_eq!(look_up("mine-value").await, "404 40401 Subject 'mine-value' not found.");
    // Equal to one of another entry: that does not make it one of this subject.
    let other = schema(&hub, 1).await;
    assert!(register(AVRO, &other).await.starts_with("409 409 "));
}

#[tokio::test]
async fn compatibility_is_told_with_reasons() {
    let hub = hub().await;
    let mut schema = schema(&hub, 3).await;
    let check = async |path: &str, schema: &Value| {
        let path = format!("/compatibility/subjects/{path}");
        call(&hub, "POST", &path, json!({ "schema": schema.to_string() })).await
    };
    let latest = format!("{AVRO}/versions/latest?normalize=False&verbose=False");
    assert_eq!(check(&latest, &schema).await.json(), json!({ "is_compatible": true }));
    schema["fields"][1]["type"] = "int".into();
    assert_eq!(check(&latest, &schema).await.json(), json!({ "is_compatible": false }));
    for versions in ["versions", "versions/1"] {
        let told = check(&format!("{AVRO}/{versions}?verbose=true"), &schema).await.json();
        assert_eq!(told["is_compatible"], false);
        assert!(told["messages"][0].as_str().unwrap().starts_with("field `name`"), "{told}");
    }
    let said = refusal(&check(&format!("{AVRO}/versions/9"), &schema).await);
    assert_eq!(said, "404 40402 Version 9 not found.");
    let said = refusal(&check("x/versions/latest", &schema).await);
    assert_eq!(said, "404 40401 Subject 'x' not found.");
}

#[tokio::test]
async fn what_is_no_schema_is_refused() {
    let hub = hub().await;
    let path = format!("/subjects/{AVRO}/versions");
    let check = async |sent: Value, expected: &str| {
        let said = refusal(&call(&hub, "POST", &path, sent).await);
        assert!(said.starts_with(expected), "{said}");
    };
    check(json!({ "schema": "" }), "422 42201 Either").await;
    check(json!({}), "422 42201 Either").await;
    check(json!({ "schema": "{\"type\":\"no\"}" }), "422 42201 Either").await;
    check(json!({ "schema": "{\"type\":7}", "schemaType": "JSON" }), "422 42201 Either").await;
    check(json!({ "schema": "\"int\"", "schemaType": "PROTOBUF" }), "422 42201 Either").await;
    check(json!({ "schema": "\"int\"", "ruleSet": { "domainRules": [] } }), "422 42201 ").await;
    let missing = json!([{ "name": "a", "subject": "x", "version": 1 }]);
    check(json!({ "schema": "\"int\"", "references": missing }), "422 42201 Either").await;
    check(json!({ "schema": 7 }), "400 400 ").await;
    check(json!("x".repeat(2 << 20)), "413 413 ").await;
    // A schema that uses a published one.
    let using = json!({
        "type": "record", "name": "Move",
        "fields": [{ "name": "who", "type": "yiku.public_security.household" }],
    });
    let mut sent = json!({ "schema": using.to_string() });
    check(sent.clone(), "422 42201 ").await;
    sent["references"] = json!([
        { "name": "yiku.public_security.household", "subject": AVRO, "version": 1 }
    ]);
    check(sent, "409 409 ").await;
}

#[tokio::test]
async fn who_reads_and_what_is_accepted() {
    let hub = hub().await;
    let send = async |headers: &[(&str, String)]| {
        let mut request = Request::get("/registry/subjects");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        hub.send("", request.body(Body::empty()).unwrap()).await
    };
    let nobody = send(&[]).await;
    assert!(refusal(&nobody).starts_with("401 401 "), "{}", nobody.text);
    assert_eq!(nobody.headers["www-authenticate"], "Basic realm=\"Yiku\"");
    assert_eq!(nobody.headers["content-type"], KIND);
    let basic = |secret: &str| {
        ("authorization", format!("Basic {}", to_base64(format!("anybody:{secret}").as_bytes())))
    };
    for _ in 0..2 {
        let read = send(&[basic("secret-police")]).await;
        assert_eq!(
            (read.status.as_u16(), &read.headers["content-type"]),
            (200, &KIND.parse().unwrap())
        );
    }
    assert!(refusal(&send(&[basic("secret-other")]).await).starts_with("401 401 "));
    let accept = |kind: &str| [basic("secret-police"), ("accept", kind.to_owned())];
    let plain = send(&accept("application/json")).await;
    assert_eq!(plain.headers["content-type"], "application/json");
    let page = send(&accept("text/html")).await;
    assert_eq!(refusal(&page), "406 406 HTTP 406 Not Acceptable");
    let request = Request::post(format!("/registry/subjects/{AVRO}"));
    let request = request.header("content-type", "text/csv").body("a,b".into()).unwrap();
    assert_eq!(
        refusal(&hub.send("civil", request).await),
        "415 415 HTTP 415 Unsupported Media Type"
    );
    hub.hub.store.close().await;
    let read = send(&[basic("secret-police")]).await;
    assert_eq!(read.status, 200, "reads ask no database");
}
