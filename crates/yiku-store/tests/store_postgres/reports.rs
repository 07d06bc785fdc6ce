//! The views for reports: each login sees its department's lines, whatever it tries.

use sqlx::{Connection as _, PgConnection};
use yiku_store::{Database, Store, StoreError, bi_reader};

use crate::{
    login, new_database,
    support::{Fresh, NOW, batch},
};

const VIEWS: [&str; 6] = ["batch", "violation", "quarantine", "connector", "delivery", "receipt"];

async fn as_login(database: &Database, login: &str) -> PgConnection {
    let url = database.url.replace("postgres://", &format!("postgres://{login}@"));
    PgConnection::connect(&url).await.expect("the login is there")
}

async fn count(session: &mut PgConnection, view: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM yiku_bi.{view}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(session).await.expect("it may be read")
}

#[tokio::test]
async fn a_login_sees_the_lines_of_its_department() {
    let database = new_database();
    let mut owner = as_login(&database, "postgres").await;
    let roles =
        "CREATE ROLE bi_police LOGIN; CREATE ROLE bi_health LOGIN; CREATE ROLE bi_city LOGIN";
    sqlx::raw_sql(roles).execute(&mut owner).await.expect("runs");
    let store = Store::connect(&database, NOW).await.expect("a new store");
    let (publication, rows) = batch(&store, 1, 3, &["k"]);
    let department = publication.entry.department().to_owned();
    let fresh = Fresh { store, _folder: tempfile::tempdir().expect("a folder") };
    fresh.take(publication.batch, 3, &[rows[0].key.as_deref().expect("a key")]).await;
    let mut tx = fresh.begin().await;
    for (login, department) in
        [("bi_police", department.as_str()), ("bi_health", "health"), ("bi_city", bi_reader::ALL)]
    {
        bi_reader::add(&mut tx, login, department, NOW).await.expect("the login is there");
    }
    let error = bi_reader::add(&mut tx, "nobody", "health", NOW).await.expect_err("no such login");
    assert!(matches!(&error, StoreError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("has no login `nobody`"), "{error}");
    tx.commit().await.expect("durable");

    for (login, sees) in [("bi_police", 1), ("bi_health", 0), ("bi_city", 1), ("postgres", 0)] {
        let mut session = as_login(&database, login).await;
        for view in ["batch", "violation", "quarantine", "receipt"] {
            assert_eq!(count(&mut session, view).await, sees, "{login} {view}");
        }
    }
    let mut session = as_login(&database, "bi_health").await;
    for view in VIEWS {
        assert_eq!(count(&mut session, view).await, 0, "{view}");
    }
    for forbidden in
        ["SELECT * FROM yiku.batch", "TABLE yiku.bi_reader", "DELETE FROM yiku_bi.batch"]
    {
        let error = sqlx::raw_sql(forbidden).execute(&mut session).await.expect_err(forbidden);
        assert!(error.to_string().contains("permission denied"), "{forbidden}: {error}");
    }
    // A condition that tells what it is shown is shown nothing of others.
    let spy = "CREATE TEMP TABLE seen (what text);
               CREATE FUNCTION pg_temp.tell(what text) RETURNS boolean COST 0.0001 LANGUAGE plpgsql
               AS $$ BEGIN INSERT INTO seen VALUES (what); RETURN true; END $$;
               SELECT * FROM yiku_bi.batch WHERE pg_temp.tell(connector)";
    sqlx::raw_sql(spy).execute(&mut session).await.expect("runs");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM seen")
        .fetch_one(&mut session)
        .await
        .expect("its own table");
    assert_eq!(seen, 0);

    let mut tx = fresh.begin().await;
    bi_reader::remove(&mut tx, "bi_police").await.expect("it was there");
    tx.commit().await.expect("durable");
    assert_eq!(count(&mut as_login(&database, "bi_police").await, "batch").await, 0);
}

#[tokio::test]
async fn the_views_hold_no_values_of_rows() {
    let database = new_database();
    Store::connect(&database, NOW).await.expect("a new store").close().await;
    let mut owner = as_login(&database, &login("postgres").user).await;
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'yiku_bi'",
    )
    .fetch_all(&mut owner)
    .await
    .expect("reads");
    assert!(columns.len() > 40, "{columns:?}");
    let of_rows = ["cells", "edited", "key", "parcel", "origin", "position_after", "bytes", "file"];
    let found: Vec<&String> =
        columns.iter().filter(|one| of_rows.contains(&one.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}
