//! The command line. `yiku <noun> <verb>`; every command works beside a running hub and without
//! one.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The data-sharing exchange hub of a city.
#[derive(Debug, Parser)]
#[command(name = "yiku", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    /// The hub's configuration file.
    #[arg(long, global = true, env = "YIKU_CONFIG", default_value = "yiku.toml")]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a folder to start from: configuration, a small catalog, a sample to try.
    Init {
        /// The folder, which must be empty or not there yet.
        folder: PathBuf,
    },
    /// Run the hub until it is stopped.
    Serve(Serve),
    /// Copy a stopped hub on the embedded engine into a folder, to go on elsewhere.
    Export {
        /// The folder, which must be empty or not there yet.
        folder: PathBuf,
    },
    /// Take over an exported hub, into a store and a bus that nothing has happened in.
    Import {
        /// The folder that `yiku export` wrote.
        folder: PathBuf,
    },
    /// Show how everything stands.
    Status(Json),
    /// Check, publish, compare, show and export catalog entries.
    #[command(subcommand)]
    Catalog(Catalog),
    /// Register and run connectors.
    #[command(subcommand)]
    Connector(Connector),
    /// See, mend and return rejected rows.
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// See what grants allow.
    #[command(subcommand)]
    Grant(Grant),
    /// See and settle deliveries that are parked.
    #[command(subcommand)]
    Delivery(Delivery),
    /// Show one record's story. The key is asked for, or read from standard input.
    Trace {
        /// `population.person`.
        entity: String,
        /// The values as known at this moment (RFC 3339), instead of now.
        #[arg(long)]
        known_at: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Find and export receipts.
    #[command(subcommand)]
    Receipt(Receipt),
    /// Recount everything and print whether the books balance.
    Reconcile(Json),
    /// Make and revoke the tokens of the HTTP interface.
    #[command(subcommand)]
    Token(Token),
    /// Let logins of the database server read the views for reports (PostgreSQL only).
    #[command(subcommand)]
    Reader(Reader),
}

/// Whether to print JSON.
#[derive(Args, Clone, Copy, Debug)]
pub struct Json {
    /// Print JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// How to serve.
#[derive(Args, Clone, Copy, Debug)]
pub struct Serve {
    /// Stop when standard input ends, so that the hub never outlives the program that started it.
    #[arg(long)]
    pub stop_with_stdin: bool,
}

/// Catalog commands.
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Check the catalog folder and print every problem.
    Check,
    /// Publish entries: from then on a version never changes.
    Publish {
        /// `department/resource`; several may be given.
        entries: Vec<String>,
        /// Every entry whose version is not published yet.
        #[arg(long, conflicts_with = "entries")]
        all: bool,
    },
    /// Compare the folder's entry with the newest published version.
    Diff {
        /// `department/resource`.
        entry: String,
    },
    /// List the entries, or show one.
    Show {
        /// `department/resource`.
        entry: Option<String>,
    },
    /// Write what is derived from an entry.
    Export {
        /// `department/resource`.
        entry: String,
        /// json-schema, avro, csv, xlsx, sql (the table for each database), or one of sqlite,
        /// postgresql, mysql.
        #[arg(long, default_value = "json-schema")]
        format: String,
        /// The file; standard output when left out (not for xlsx).
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

/// Connector commands.
#[derive(Debug, Subcommand)]
pub enum Connector {
    /// Register a connector file: it is checked, then copied to the connectors folder.
    Add {
        /// The YAML file.
        file: PathBuf,
    },
    /// List the connectors and how they stand.
    List(Json),
    /// Reach the far system and report whether everything fits. Touches nothing.
    Check {
        /// A connector's name, or a YAML file that is not registered yet.
        connector: String,
    },
    /// Show the first rows as they would be mapped, and what would be rejected. Touches nothing.
    Preview {
        /// A connector's name, or a YAML file that is not registered yet.
        connector: String,
        /// How many rows.
        #[arg(long, default_value_t = 20)]
        rows: usize,
    },
    /// Pull now, until nothing more is there.
    Run {
        /// The connector's name.
        connector: String,
    },
    /// Stop pulling or delivering until resumed.
    Pause {
        /// The connector's name.
        connector: String,
    },
    /// Go on after a pause or a stop.
    Resume {
        /// The connector's name.
        connector: String,
        /// Publish what a limit (`stop_over`) held back, this once.
        #[arg(long)]
        accept: bool,
    },
    /// Show or set where a source stands.
    Position {
        /// The connector's name.
        connector: String,
        /// The new position, as JSON; `null` starts from the beginning.
        #[arg(long)]
        set: Option<String>,
    },
}

/// Which rejected rows.
#[derive(Args, Clone, Debug, Default)]
pub struct RejectFilter {
    /// Only this connector's.
    #[arg(long)]
    pub connector: Option<String>,
    /// Only this entry's.
    #[arg(long)]
    pub entry: Option<String>,
    /// Only with this violation code.
    #[arg(long)]
    pub code: Option<String>,
    /// open, queued, redriven, returned, overtaken, dropped, or all.
    #[arg(long, default_value = "open")]
    pub state: String,
}

/// Quarantine commands.
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// List rejected rows with their reasons; values are masked.
    List {
        #[command(flatten)]
        filter: RejectFilter,
        /// Rows at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Go on after this id.
        #[arg(long, default_value_t = 0)]
        after: i64,
        #[command(flatten)]
        json: Json,
    },
    /// Show one rejected row; values are masked.
    Show {
        /// Its id.
        id: i64,
    },
    /// Change cells of a rejected row: `column=value` lines from standard input.
    Fix {
        /// Its id.
        id: i64,
    },
    /// Send rows through again, under the entry's current version.
    Redrive {
        /// Ids; without any, what the filter selects.
        ids: Vec<i64>,
        #[command(flatten)]
        filter: RejectFilter,
    },
    /// Write a report for the department: its rows as they came, with the reasons cell by cell.
    Return {
        /// The file to write, .csv or .xlsx.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        filter: RejectFilter,
    },
    /// Take a corrected report in again.
    Import {
        /// The corrected .csv or .xlsx.
        file: PathBuf,
    },
    /// List messages that others wrote to the hub's topics: where they stand and which rule they
    /// break. Nothing of their content is kept.
    Foreign {
        /// Only those of this topic.
        #[arg(long)]
        topic: Option<String>,
        /// Messages at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        json: Json,
    },
    /// Give rows up.
    Drop {
        /// Ids.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// Grant commands.
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// List the grants of the catalog folder and whether they hold today.
    List,
    /// Show one grant.
    Show {
        /// Its name.
        grant: String,
    },
    /// Show rows as the grantee would see them.
    Try {
        /// Its name.
        grant: String,
        /// How many rows.
        #[arg(long, default_value_t = 20)]
        rows: u32,
    },
}

/// Delivery commands.
#[derive(Debug, Subcommand)]
pub enum Delivery {
    /// List what is parked, with the reason.
    List {
        /// Only this subscription's (its connector's name).
        #[arg(long)]
        subscription: Option<String>,
        #[command(flatten)]
        json: Json,
    },
    /// Deliver the newest state of parked rows.
    Retry {
        /// The subscription (its connector's name).
        subscription: String,
        /// Parked ids; all when none is given.
        ids: Vec<i64>,
    },
    /// Give parked rows up.
    Discard {
        /// The subscription (its connector's name).
        subscription: String,
        /// Parked ids.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

/// Which receipts.
#[derive(Args, Clone, Debug, Default)]
pub struct ReceiptFilter {
    /// Only of this department.
    #[arg(long)]
    pub department: Option<String>,
    /// Only of this entry or entity.
    #[arg(long)]
    pub resource: Option<String>,
    /// Only under this grant.
    #[arg(long)]
    pub grant: Option<String>,
    /// Only of this actor.
    #[arg(long)]
    pub actor: Option<String>,
    /// Only from this moment on (RFC 3339).
    #[arg(long)]
    pub from: Option<String>,
    /// Only before this moment (RFC 3339).
    #[arg(long)]
    pub until: Option<String>,
    /// ok, refused, failed or unknown.
    #[arg(long)]
    pub result: Option<String>,
}

/// Receipt commands.
#[derive(Debug, Subcommand)]
pub enum Receipt {
    /// List receipts.
    List {
        #[command(flatten)]
        filter: ReceiptFilter,
        /// Receipts at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        json: Json,
    },
    /// Show one receipt, as it was written.
    Show {
        /// Its stream, as `yiku receipt list` shows it.
        stream: String,
        /// Its number in the stream.
        number: u64,
    },
    /// Write receipts to a file, one per line, byte for byte.
    Export {
        #[command(flatten)]
        filter: ReceiptFilter,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Commands about who reads the views for reports.
#[derive(Debug, Subcommand)]
pub enum Reader {
    /// Let a login of the database server see a department's lines in schema `yiku_bi`.
    Add {
        /// The login, which must be there.
        login: String,
        /// The department whose lines it sees.
        #[arg(long, conflicts_with = "all", required_unless_present = "all")]
        department: Option<String>,
        /// The lines of all departments.
        #[arg(long)]
        all: bool,
    },
    /// List the logins and what they see.
    List,
    /// Let a login see nothing any more.
    Remove {
        /// The login.
        login: String,
    },
}

/// Token commands.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token; it is shown this once.
    Add {
        /// A name to know it by.
        name: String,
        /// The department that may push and read its own.
        #[arg(long, conflicts_with = "role", required_unless_present = "role")]
        department: Option<String>,
        /// administrator or auditor.
        #[arg(long)]
        role: Option<String>,
    },
    /// List the tokens, never their secret.
    List,
    /// Revoke a token at once.
    Revoke {
        /// Its name.
        name: String,
    },
}
