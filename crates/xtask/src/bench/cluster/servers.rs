//! The servers of the bench: a department's PostgreSQL, the city's, and Kafka.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use yiku_core::{
    derive::{self, Dialect},
    entry::EntryVersion,
};
use yiku_tests::{Kafka, Postgres};

use crate::{household, hub::Hub, process};

/// Servers as one would set them up on a machine of this size, with syncs.
pub struct Servers {
    /// The URL of the department's database.
    pub source: String,
    /// The URL of the city's, as its owner.
    pub library: String,
    department: Postgres,
    city: Postgres,
    kafka: Kafka,
}

impl Servers {
    /// Starts them.
    pub fn start() -> Self {
        let (department, city) = (Postgres::start_with(SETTINGS), Postgres::start_with(SETTINGS));
        let (source, library) = (department.database(), city.database());
        city.execute("postgres", "CREATE ROLE hub LOGIN");
        Self { source, library, department, city, kafka: Kafka::start() }
    }

    /// A hub's settings of store and bus.
    pub fn hub_settings(&self) -> String {
        format!(
            "[store]\nkind = \"postgres\"\nurl = \"{}\"\nuser = \"hub\"\n\
             owner = {{ user = \"postgres\" }}\n{}",
            self.library.replace("postgres@", ""),
            self.kafka.hub_settings(),
        )
    }

    /// Makes the department's table, with the index that reading by time needs.
    pub async fn make_source(&self, entry: &EntryVersion) -> Result<()> {
        let columns = derive::table(entry);
        let table =
            derive::create_table_sql(Dialect::Postgresql, "household", &columns, &entry.key);
        let mut source = PgConnection::connect(&self.source).await?;
        let index = "CREATE INDEX ON household (updated_at, citizen_id)";
        sqlx::raw_sql(AssertSqlSafe(format!("{table}{index}"))).execute(&mut source).await?;
        Ok(())
    }

    /// Fills it.
    pub async fn fill_source(&self, entry: &EntryVersion, persons: u64) -> Result<()> {
        let mut source = PgConnection::connect(&self.source).await?;
        let mut copy = source.copy_in_raw("COPY household FROM STDIN (FORMAT csv)").await?;
        let mut numbers = 0..persons;
        while !numbers.is_empty() {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for number in numbers.by_ref().take(5_000) {
                writer.write_record(household::row(entry, number))?;
            }
            copy.send(writer.into_inner()?).await?;
        }
        copy.finish().await?;
        sqlx::raw_sql("VACUUM ANALYZE household").execute(&mut source).await?;
        Ok(())
    }

    /// Every fifth person moves to another workplace; returns how many.
    pub async fn change_a_fifth(&self) -> Result<u64> {
        let sql = "UPDATE household
                   SET workplace = '娄底市第一中学', updated_at = '2026-11-03T08:00:00+08:00'
                   WHERE CAST(right(household_no, 9) AS BIGINT) % 5 = 0";
        let mut source = PgConnection::connect(&self.source).await?;
        let changed = sqlx::query(sql).execute(&mut source).await?.rows_affected();
        sqlx::raw_sql("VACUUM ANALYZE household").execute(&mut source).await?;
        Ok(changed)
    }
}

const SETTINGS: &[&str] = &["shared_buffers=512MB", "max_wal_size=4GB", "work_mem=32MB"];

/// Processor time of each process, in seconds.
pub struct Effort([(&'static str, f64); 4]);

impl Effort {
    /// What was computed so far.
    pub fn so_far(hub: &Hub, servers: &Servers) -> Self {
        let of = process::computed_by_family;
        Self([
            ("hub", hub.computed_seconds()),
            ("Kafka", of(servers.kafka.process_id())),
            ("the department's PostgreSQL", of(servers.department.process_id())),
            ("the city's PostgreSQL", of(servers.city.process_id())),
        ])
    }

    /// What was computed since, per million of `rows`, in words.
    pub fn since(&self, before: &Self, rows: u64) -> String {
        let parts = self.0.iter().zip(&before.0).map(|((name, now), (_, then))| {
            format!("{name} {:.1}", (now - then) * 1e6 / rows as f64)
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        format!("processor seconds per million rows: {parts}")
    }
}
