use yiku_core::registry::{Format, SchemaOf};
use yiku_store::{
    catalog::{self, Outcome},
    connector::{self, Registered, Registration, Role, State},
    registered_schema, sql,
    token::{self, Holder},
};

use crate::support::{NOW, fresh, household};

#[tokio::test]
async fn a_published_version_never_changes() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let version = |text: &str| text.parse().expect("a version");
    let entry = household();
    let first = catalog::publish(&mut tx, &entry, version("1.0.0"), "a: 1", NOW).await;
    assert_eq!(first.expect("publishes"), Outcome::New(1));
    let again = catalog::publish(&mut tx, &entry, version("1.0.0"), "a: 1", NOW + 1).await;
    assert_eq!(again.expect("knows it"), Outcome::Same(1));
    let changed = catalog::publish(&mut tx, &entry, version("1.0.0"), "a: 2", NOW).await;
    assert_eq!(
        changed.expect_err("never").to_string(),
        "public-security/household@1.0.0 is published and never changes; \
         give the changed file a new version"
    );
    let next = catalog::publish(&mut tx, &entry, version("1.1.0"), "a: 2", NOW).await;
    assert_eq!(next.expect("publishes"), Outcome::New(2));
    let list = catalog::list(&mut tx).await.expect("reads");
    let list: Vec<_> = list.iter().map(|one| (one.id, one.version.to_string())).collect();
    assert_eq!(list, [(1, "1.0.0".to_owned()), (2, "1.1.0".to_owned())]);
    let one = catalog::get(&mut tx, &entry, version("1.1.0")).await.expect("it is there");
    assert_eq!((one.content.as_str(), one.published_at), ("a: 2", NOW));
    let error = catalog::get(&mut tx, &entry, version("2.0.0")).await.expect_err("not there");
    assert_eq!(
        error.to_string(),
        "published version `public-security/household@2.0.0` does not exist"
    );
}

#[tokio::test]
async fn a_schema_keeps_its_number_and_text() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let entry = household();
    for version in ["1.0.0", "1.1.0"] {
        let parsed = version.parse().expect("a version");
        let published = catalog::publish(&mut tx, &entry, parsed, version, NOW).await;
        let Ok(Outcome::New(id)) = published else { panic!("{published:?}") };
        for (format, text) in [(Format::Avro, "avro"), (Format::Json, "json"), (Format::Json, "x")]
        {
            let text = format!("{text} {version}");
            registered_schema::register(&mut tx, id, format, &text).await.expect("registers");
        }
    }
    tx.commit().await.expect("commits");
    let mut tx = fresh.begin().await;
    let error = registered_schema::register(&mut tx, 9, Format::Avro, "x").await;
    assert!(error.is_err(), "of no version");
    tx.rollback().await.expect("rolls back");
    let mut tx = fresh.begin().await;
    let list = registered_schema::list(&mut tx).await.expect("reads");
    let list: Vec<_> = list.iter().map(|one| (one.id, one.format, one.text.as_str())).collect();
    let expected = [
        (1, Format::Avro, "avro 1.0.0"),
        (2, Format::Json, "json 1.0.0"),
        (3, Format::Avro, "avro 1.1.0"),
        (4, Format::Json, "json 1.1.0"),
    ];
    assert_eq!(list, expected);
    tx.rollback().await.expect("rolls back");

    // Those of entities have numbers among them.
    let mut tx = fresh.begin().await;
    for text in ["one", "two"] {
        for format in Format::ALL {
            let entity = "population.person";
            registered_schema::register_entity(&mut tx, entity, format, text).await.expect("kept");
        }
    }
    tx.commit().await.expect("commits");
    let mut tx = fresh.begin().await;
    let third = catalog::publish(&mut tx, &entry, "1.2.0".parse().unwrap(), "x", NOW).await;
    let Ok(Outcome::New(id)) = third else { panic!("{third:?}") };
    registered_schema::register(&mut tx, id, Format::Avro, "avro 1.2.0").await.expect("registers");
    let list = registered_schema::list(&mut tx).await.expect("reads");
    let of = SchemaOf::Entity("population.person".into());
    let of_entity: Vec<_> =
        list.iter().filter(|one| one.of == of).map(|one| (one.id, one.text.as_str())).collect();
    assert_eq!(of_entity, [(5, "one"), (6, "one"), (7, "two"), (8, "two")]);
    assert_eq!(list.last().map(|one| (one.id, one.text.as_str())), Some((9, "avro 1.2.0")));
}

fn source<'a>(entry: &'a str, digest: u8) -> Registration<'a> {
    Registration {
        name: "household",
        role: Role::Source,
        kind: "files",
        entry: Some(entry),
        grant: None,
        department: "public-security",
        file: "connector: household",
        file_digest: [digest; 32],
    }
}

#[tokio::test]
async fn connectors_are_registered_and_watched() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let tx = &mut tx;
    let entry = "public-security/household@1";
    let register = connector::register(tx, &source(entry, 1), NOW).await;
    assert_eq!(register.expect("registers"), Registered::New);
    let register = connector::register(tx, &source(entry, 1), NOW + 1).await;
    assert_eq!(register.expect("knows it"), Registered::Same);
    connector::set_state(tx, "household", State::Stopped, NOW + 2).await.expect("stops");
    let next_major = source("public-security/household@2", 2);
    let register = connector::register(tx, &next_major, NOW + 3).await;
    assert_eq!(register.expect("takes the file"), Registered::Changed);
    let found = connector::get(tx, "household").await.expect("it is there");
    assert_eq!((found.state, found.state_at, found.added_at), (State::Running, NOW + 3, NOW));
    connector::set_state(tx, "household", State::Paused, NOW + 4).await.expect("pauses");
    connector::register(tx, &source(entry, 3), NOW + 5).await.expect("takes the file");
    let found = connector::get(tx, "household").await.expect("it is there");
    assert_eq!((found.state, found.state_at), (State::Paused, NOW + 4), "paused stays paused");

    let error = connector::register(tx, &source("health/birth@1", 4), NOW).await;
    assert_eq!(
        error.expect_err("another resource").to_string(),
        "connector `household` is registered for `public-security/household@1` and cannot change \
         its resource; remove it first, or choose another name"
    );
    connector::run_began(tx, "household", NOW + 6).await.expect("notes");
    connector::run_ended(tx, "household", Some(("坏", "bad")), NOW + 7).await.expect("notes");
    let found = connector::get(tx, "household").await.expect("it is there");
    assert_eq!((found.error_en.as_deref(), found.succeeded_at), (Some("bad"), None));
    connector::run_ended(tx, "household", None, NOW + 8).await.expect("notes");
    let found = connector::list(tx).await.expect("reads").remove(0);
    assert_eq!((found.error_en, found.succeeded_at), (None, Some(NOW + 8)));
    connector::remove(tx, "household").await.expect("removes");
    let error = connector::set_state(tx, "household", State::Running, NOW).await;
    assert_eq!(error.expect_err("gone").to_string(), "connector `household` does not exist");
}

#[tokio::test]
async fn tokens_are_kept_hashed() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let tax = Holder::Department("tax".into());
    token::add(&mut tx, "tax-1", &tax, "secret-1", NOW).await.expect("adds");
    let admin = Holder::Role("admin".into());
    token::add(&mut tx, "root", &admin, "secret-2", NOW).await.expect("adds");
    let found = token::find(&mut tx, "secret-1").await.expect("reads").expect("known");
    assert_eq!((found.name.as_str(), found.holder()), ("tax-1", tax.clone()));
    assert_eq!(token::find(&mut tx, "secret-3").await.expect("reads"), None);
    assert!(token::used(&mut tx, "tax-1", NOW).await.expect("notes"));
    assert!(!token::used(&mut tx, "tax-1", NOW + 59_000).await.expect("notes"));
    assert!(token::used(&mut tx, "tax-1", NOW + 60_001).await.expect("notes"));
    token::revoke(&mut tx, "tax-1", NOW + 1).await.expect("revokes");
    assert_eq!(token::find(&mut tx, "secret-1").await.expect("reads"), None);
    let error = token::revoke(&mut tx, "tax-1", NOW).await.expect_err("revoked already");
    assert_eq!(error.to_string(), "valid token `tax-1` does not exist");
    let error = token::add(&mut tx, "tax-1", &tax, "secret-4", NOW).await.expect_err("used name");
    assert_eq!(error.to_string(), "a token named `tax-1` exists or existed; choose another name");
    let names: Vec<_> =
        token::list(&mut tx).await.expect("reads").into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["root", "tax-1"]);
    let kept = sql::query_scalar("SELECT hash FROM token").fetch_all(&mut tx).await;
    let kept: Vec<Vec<u8>> = kept.expect("reads");
    assert!(kept.iter().all(|hash| hash.len() == 32 && !hash.starts_with(b"secret")));
}
