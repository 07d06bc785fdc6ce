//! The store in a PostgreSQL database: a schema of its own, one writer, several readers.
//!
//! The writer's session holds an advisory lock as long as it lives. Whoever cannot take the lock
//! does not write: so a second hub on one database is kept out, and a hub whose session was ended
//! cannot go on beside its successor.

mod prepare;

pub(crate) use self::prepare::as_owner;

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool, Postgres,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::{READERS, STATEMENTS, WAIT_TIMEOUT};
use crate::{StoreError, connection::Held};

/// Where the store's database is, and as whom the hub logs in.
#[derive(Clone)]
pub struct Database {
    /// `postgres://host:port/database?sslmode=…`, without user and password. On another machine
    /// than this one the server's certificate is verified unless the URL says otherwise.
    pub url: String,
    /// As whom the hub works.
    pub hub: Login,
    /// Who owns the tables that every store has; the hub itself where it is left out. Receipts are
    /// safe from the hub's own login only where another owns them.
    pub owner: Option<Login>,
}

/// A role of the database server.
#[derive(Clone)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Its password, if it needs one.
    pub password: Option<String>,
}

/// A database that is open.
#[derive(Clone)]
pub(super) struct Server {
    writer: PgPool,
    readers: PgPool,
    shown: Arc<str>,
    /// How the hub logs in.
    options: Arc<PgConnectOptions>,
    /// Whether the writer's present session holds the lock.
    holds: Arc<AtomicBool>,
}

impl Server {
    /// Opens the database, or makes the tables in it; with the present incarnation.
    pub(super) async fn open(
        database: &Database,
        at_ms: i64,
    ) -> Result<(Self, String), StoreError> {
        let options = database.options(&database.hub)?;
        let shown: Arc<str> = shown(&options).into();
        prepare::check(&options, &shown).await?;
        let readers = options.clone().options([("default_transaction_read_only", "on")]);
        let holds = Arc::new(AtomicBool::new(false));
        let held = Arc::clone(&holds);
        let writer = pool(1).after_connect(move |session, _| {
            let held = Arc::clone(&held);
            Box::pin(async move {
                session.execute(DURABLE).await?;
                held.store(take_lock(session).await?, Ordering::Release);
                Ok(())
            })
        });
        let server = Self {
            writer: writer.connect_lazy_with(options.clone()),
            readers: pool(READERS).connect_lazy_with(readers),
            shown,
            options: Arc::new(options),
            holds,
        };
        // The lock first: tables are made by the one who has it.
        drop(server.begin().await?);
        let incarnation = prepare::tables(database, &server.shown, at_ms).await?;
        Ok((server, incarnation))
    }

    pub(super) async fn begin(&self) -> Result<Held<Postgres>, StoreError> {
        let begin = self.writer.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED");
        let session = self.unless_gone(begin).await?;
        if self.holds.load(Ordering::Acquire) {
            return Ok(Held::Inside(session));
        }
        drop(session);
        let mut session = self.writer.acquire().await?;
        let error = taken(&mut session, &self.shown).await?;
        // The next one to ask gets a new session, which tries for the lock again.
        session.close().await?;
        Err(error)
    }

    pub(super) async fn reader(&self) -> Result<Held<Postgres>, StoreError> {
        Ok(Held::Pooled(self.unless_gone(self.readers.acquire()).await?))
    }

    pub(super) async fn snapshot(&self) -> Result<Held<Postgres>, StoreError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(Held::Inside(self.unless_gone(self.readers.begin_with(begin)).await?))
    }

    /// Waits for a session as long as the server answers: for one that is gone the pool alone would
    /// wait as long as for a session that is in use.
    async fn unless_gone<T>(
        &self,
        session: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        tokio::pin!(session);
        loop {
            if let Ok(outcome) = tokio::time::timeout(PATIENCE, &mut session).await {
                return Ok(outcome?);
            }
            match tokio::time::timeout(PATIENCE, self.options.connect()).await {
                Ok(beside) => beside?.close().await?,
                Err(_) => {
                    let silent = std::io::ErrorKind::TimedOut.into();
                    return Err(StoreError::Unreachable(sqlx::Error::Io(silent)));
                }
            }
        }
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Database {
    /// How `login` connects.
    fn options(&self, login: &Login) -> Result<PgConnectOptions, StoreError> {
        let unfit = |zh: &str, en: &str| StoreError::Unfit {
            database: "[store]".into(),
            zh: zh.to_owned(),
            en: en.to_owned(),
        };
        // The parser's own text may quote what stands in the URL.
        let options = PgConnectOptions::from_str(&self.url).map_err(|_| {
            unfit(
                "url 不是有效的地址；请写成 postgres://主机:端口/数据库",
                "its url is none; write postgres://host:port/database",
            )
        })?;
        if self.url.contains('@') {
            return Err(unfit(
                "url 中不可包含用户或口令；请用 user 和 password 设置",
                "its url names a user; give user and password as settings of their own",
            ));
        }
        let mut options = options
            .username(&login.user)
            .application_name("yiku")
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging()
            .options([
                ("search_path", SCHEMA),
                ("jit", "off"),
                ("random_page_cost", "1.1"),
                // A machine that is gone must not hold the lock for hours.
                ("tcp_keepalives_idle", "10"),
                ("tcp_keepalives_interval", "5"),
                ("tcp_keepalives_count", "3"),
            ]);
        if let Some(password) = &login.password {
            options = options.password(password);
        }
        let near = options.get_socket().is_some()
            || matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
        let says = self.url.contains("sslmode=") || self.url.contains("ssl-mode=");
        if !near && !says {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        Ok(options)
    }
}

/// Server and database, as people may read it.
fn shown(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    format!("postgres://{}:{}/{database}", options.get_host(), options.get_port())
}

fn pool(most: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(WAIT_TIMEOUT)
}

/// Takes the writer's lock for the life of the session; waits a while for a predecessor that is
/// ending.
async fn take_lock(session: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let begun = Instant::now();
    loop {
        let sql = "SELECT pg_try_advisory_lock($1)";
        let taken = sqlx::query_scalar(sql).bind(LOCK).fetch_one(&mut *session).await?;
        if taken || begun.elapsed() > LOCK_PATIENCE {
            return Ok(taken);
        }
        tokio::time::sleep(LOCK_LOOK).await;
    }
}

/// Who has the lock.
async fn taken(session: &mut PgConnection, shown: &str) -> Result<StoreError, StoreError> {
    let sql = "SELECT activity.pid, coalesce(host(activity.client_addr), 'the same machine'),
                      coalesce(to_char(activity.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'), '?')
               FROM pg_locks locks JOIN pg_stat_activity activity ON activity.pid = locks.pid
               WHERE locks.locktype = 'advisory' AND locks.granted
                 AND locks.classid = 0 AND locks.objid = $1 AND locks.objsubid = 1
                 AND activity.datname = current_database()";
    let found: Option<(i32, String, String)> =
        sqlx::query_as(sql).bind(LOCK).fetch_optional(&mut *session).await?;
    let (backend, from, since) = found.unwrap_or((0, "?".into(), "?".into()));
    Ok(StoreError::Taken {
        database: shown.to_owned(),
        holder: format!("from {from}, since {since}"),
        backend,
    })
}

/// How long a session is waited for before the server is looked at, and how long it may be silent.
const PATIENCE: Duration = Duration::from_secs(3);
/// The schema that holds the store's tables.
const SCHEMA: &str = "yiku";
/// `YkSt`: the advisory lock of the one writer.
const LOCK: i64 = 1_500_205_940;
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_LOOK: Duration = Duration::from_millis(200);
/// Commits are durable whatever the server's own default is.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false)
                       WHERE current_setting('synchronous_commit') = 'off'";
