//! Our answers beside those of Apicurio's registry, which speaks Confluent's interface, too.
//!
//! `tests/registry/requests.json` says what both are asked, `tests/registry/apicurio.json` what
//! Apicurio answered; `cargo xtask record-registry` asks it again. Each place where the two differ
//! has its reason here; a difference that is gone or new fails.

use std::{collections::BTreeSet, env, fs};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use yiku_tests::{Hub, http, root};

use crate::{SUBJECT, TOPIC};

/// Where the answers differ, as JSON pointers into `{status, body}`, and why.
const DIFFERENCES: &[(&str, &[&str], &str)] = &[
    ("list subjects", &["/body"], "the hub's catalog has more entries than were copied"),
    (
        "no version",
        &["/status", "/body/error_code"],
        "Confluent's registry has 42202 for what is no version, as we do",
    ),
    ("types", &["/body"], "entries have no Protobuf schema"),
    (
        "look up a JSON Schema",
        &["/body/schemaType"],
        "Confluent's registry names every type but AVRO, as we do",
    ),
    (
        "look up what is no schema",
        &["/status", "/body/error_code"],
        "the client is told that its schema is broken, not that it is unknown",
    ),
    (
        "test in an unknown subject",
        &["/status", "/body/error_code", "/body/is_compatible", "/body/message"],
        "with nothing there to compare with, Confluent's registry has 40401, as we do",
    ),
    (
        "level of a subject alone",
        &["/body/compatibilityLevel"],
        "the level is that of the catalog, for every subject",
    ),
    ("mode", &["/body/mode"], "schemas come from the catalog alone"),
    ("contexts", &["/body/0"], "Confluent's name of the default context is `.`"),
    ("associations of a topic", &["/body"], "Apicurio has no such call and answers nothing"),
    (
        "register a wider schema",
        &["/status", "/body/error_code", "/body/id", "/body/message"],
        "a new version is published in the catalog; Confluent's registry says so in READONLY mode",
    ),
    ("delete a version", &["/status", "/body"], "what is published stays"),
    ("delete a subject", &["/status", "/body"], "what is published stays"),
    ("delete an unknown subject", &["/status", "/body/error_code"], "nothing is ever deleted"),
];

/// One question.
#[derive(Deserialize)]
struct Request {
    name: String,
    method: String,
    path: String,
    schema: Option<Sent>,
}

/// The schema that is sent with it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sent {
    /// That of a subject, with one field more where there is one.
    Of { subject: String, more: Option<Value> },
    /// These words.
    Text(String),
}

/// A registry that is asked, with the household's schemas in it.
struct Registry<'a> {
    port: u16,
    base: &'a str,
    token: Option<String>,
    /// Subject and what stands in its place in a request.
    subjects: Vec<Subject>,
}

#[derive(Clone)]
struct Subject {
    word: &'static str,
    name: String,
    id: u64,
    schema: String,
    schema_type: &'static str,
}

impl Registry<'_> {
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/vnd.schemaregistry.v1+json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let path = format!("{}{path}", self.base);
        let (status, body) = http(self.port, method, &path, &headers, body).expect("an answer");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// The schemas of the household as this registry has them.
    fn find_subjects(&mut self) {
        let twin = format!("{TOPIC}.json-value");
        for (word, name, schema_type) in
            [("subject", SUBJECT.to_owned(), "AVRO"), ("twin", twin, "JSON")]
        {
            let (status, said) = self.ask("GET", &format!("/subjects/{name}/versions/1"), b"");
            assert_eq!(status, 200, "{said}");
            let id = said["id"].as_u64().expect("a number");
            let schema = said["schema"].as_str().expect("a text").to_owned();
            self.subjects.push(Subject { word, name, id, schema, schema_type });
        }
    }

    /// Gives another registry the schemas of ours.
    fn copy(&self, subjects: &[Subject]) {
        let level = json!({ "compatibility": "BACKWARD" }).to_string();
        assert_eq!(self.ask("PUT", "/config", level.as_bytes()).0, 200);
        for one in subjects {
            let path = format!("/subjects/{}/versions", one.name);
            let body = json!({ "schema": one.schema, "schemaType": one.schema_type }).to_string();
            let (status, said) = self.ask("POST", &path, body.as_bytes());
            assert_eq!(status, 200, "{said}");
        }
    }

    fn answer(&self, request: &Request) -> Value {
        let mut path = request.path.replace("{topic}", TOPIC);
        for one in &self.subjects {
            path = path.replace(&format!("{{{}}}", one.word), &one.name);
            path = path.replace(&format!("{{{}-id}}", one.word), &one.id.to_string());
        }
        let body = request.schema.as_ref().map(|sent| self.body(sent)).unwrap_or_default();
        let (status, body) = self.ask(&request.method, &path, body.as_bytes());
        json!({ "status": status, "body": self.plain(body) })
    }

    fn body(&self, sent: &Sent) -> String {
        let (subject, more) = match sent {
            Sent::Text(text) => return json!({ "schema": text }).to_string(),
            Sent::Of { subject, more } => (subject, more),
        };
        let one = self.subjects.iter().find(|one| one.word == subject).expect("a known subject");
        let mut schema: Value = serde_json::from_str(&one.schema).expect("a schema");
        if let Some(more) = more {
            schema["fields"].as_array_mut().expect("fields").push(more.clone());
        }
        json!({ "schema": schema.to_string(), "schemaType": one.schema_type }).to_string()
    }

    /// Without what may differ between two registries: numbers by which schemas are known, words of
    /// messages, order of keys.
    fn plain(&self, body: Value) -> Value {
        let fields = match body {
            Value::Object(fields) => fields,
            other => return other,
        };
        let plain = fields.into_iter().map(|(name, value)| {
            let value = match (name.as_str(), &value) {
                ("id", Value::Number(id)) => {
                    let known = self.subjects.iter().find(|one| Some(one.id) == id.as_u64());
                    known.map_or(json!("new"), |one| json!(one.word))
                }
                ("message", _) => json!("…"),
                ("schema", Value::String(text)) => {
                    let known = self.subjects.iter().find(|one| same(&one.schema, text));
                    known.map_or(value, |one| json!(one.word))
                }
                _ => value,
            };
            (name, value)
        });
        Value::Object(plain.collect::<Map<_, _>>())
    }
}

/// Whether two texts are one JSON value.
fn same(one: &str, other: &str) -> bool {
    let read = serde_json::from_str::<Value>;
    read(one).is_ok_and(|one| read(other).is_ok_and(|other| one == other))
}

/// Pointers to where two answers differ.
fn differences(ours: &Value, theirs: &Value, at: &str, found: &mut BTreeSet<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for name in ours.keys().chain(theirs.keys()) {
                let side = |fields: &Map<String, Value>| fields.get(name).cloned();
                let (ours, theirs) = (side(ours), side(theirs));
                let at = format!("{at}/{name}");
                match (ours, theirs) {
                    (Some(ours), Some(theirs)) => differences(&ours, &theirs, &at, found),
                    _ => drop(found.insert(at)),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                differences(ours, theirs, &format!("{at}/{index}"), found);
            }
        }
        _ if ours != theirs => drop(found.insert(at.to_owned())),
        _ => {}
    }
}

#[test]
fn answers_differ_from_apicurios_only_with_reason() {
    let mut hub = Hub::new(&root().join("catalog"));
    hub.start();
    let token = Some(hub.token("public-security"));
    let mut ours = Registry { port: hub.port(), base: "/registry", token, subjects: Vec::new() };
    ours.find_subjects();
    let folder = root().join("tests/registry");
    let requests = fs::read(folder.join("requests.json")).expect("the requests");
    let requests: Vec<Request> = serde_json::from_slice(&requests).expect("requests");
    let transcript = folder.join("apicurio.json");
    if let Ok(port) = env::var("YIKU_RECORD_REGISTRY") {
        let port = port.parse().expect("a port");
        let base = "/apis/ccompat/v7";
        let mut theirs = Registry { port, base, token: None, subjects: Vec::new() };
        theirs.copy(&ours.subjects);
        theirs.find_subjects();
        let answers = requests.iter().map(|one| (one.name.clone(), theirs.answer(one)));
        let text = serde_json::to_string_pretty(&answers.collect::<Map<_, _>>()).expect("JSON");
        fs::write(&transcript, text + "\n").expect("the transcript can be written");
    }
    let recorded = fs::read(&transcript).expect("a transcript");
    let recorded: Map<String, Value> = serde_json::from_slice(&recorded).expect("a transcript");
    assert_eq!(recorded.len(), requests.len(), "`cargo xtask record-registry` renews it");
    let mut unexplained = Vec::new();
    for request in &requests {
        let (ours, theirs) = (ours.answer(request), &recorded[&request.name]);
        let mut found = BTreeSet::new();
        differences(&ours, theirs, "", &mut found);
        let known = DIFFERENCES.iter().find(|(name, ..)| *name == request.name);
        let known = known.map_or(&[][..], |(_, places, _)| places);
        let known: BTreeSet<String> = known.iter().map(|place| (*place).to_owned()).collect();
        if found != known {
            unexplained
                .push(format!("{}: {found:?}\n  ours {ours}\n  theirs {theirs}", request.name));
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(hub.stop(), "{}", hub.log());
}
