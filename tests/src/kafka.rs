//! Apache Kafka from the jars that `cargo xtask test` fetches.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    certificates, free_port,
    server::{Server, find, new_folder, run, with_patience},
};

/// A Kafka cluster.
#[derive(Debug)]
pub struct Kafka {
    nodes: Vec<Node>,
}

/// One of its brokers, which is a controller too.
#[derive(Debug)]
struct Node {
    server: Server,
    ports: Ports,
}

/// Where a broker listens.
#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    login: u16,
    tls: u16,
    controller: u16,
}

/// The cluster that all tests of this process share.
pub fn kafka() -> &'static Kafka {
    static SHARED: LazyLock<Kafka> = LazyLock::new(Kafka::start);
    &SHARED
}

impl Kafka {
    /// Starts a cluster of one broker, for tests that kill it.
    pub fn start() -> Self {
        with_patience(|| Self::try_start(1))
    }

    /// Starts a cluster of three brokers, where a record is on all of them.
    pub fn start_three() -> Self {
        with_patience(|| Self::try_start(3))
    }

    fn try_start(count: usize) -> Result<Self, String> {
        let ports: Vec<Ports> = (0..count).map(|_| Ports::free()).collect();
        let folders: Vec<PathBuf> = (0..count).map(|_| new_folder("kafka", "root")).collect();
        let laid_out = folders.iter().enumerate().map(|(node, folder)| {
            lay_out(folder, node, &ports).inspect_err(|_| drop(fs::remove_dir_all(folder)))
        });
        laid_out.collect::<Result<Vec<()>, String>>()?;
        // None is ready before most of them are there.
        let servers: Result<Vec<Server>, String> = std::thread::scope(|scope| {
            let starts = folders.iter().zip(&ports);
            let starts =
                starts.map(|(folder, ports)| scope.spawn(move || Node::run(folder, *ports, count)));
            let starts: Vec<_> = starts.collect();
            starts.into_iter().map(|start| start.join().expect("a start does not panic")).collect()
        });
        let nodes = servers?.into_iter().zip(ports);
        Ok(Self { nodes: nodes.map(|(server, ports)| Node { server, ports }).collect() })
    }

    /// Its address, for clients that neither log in nor encrypt; those of all brokers, with commas.
    pub fn address(&self) -> String {
        let all = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.plain));
        all.collect::<Vec<_>>().join(",")
    }

    /// Its address for clients that log in by SCRAM as [`Kafka::USER`].
    pub fn login_address(&self) -> String {
        format!("127.0.0.1:{}", self.nodes[0].ports.login)
    }

    /// The settings of a hub with its bus here, on topics that no other hub has.
    pub fn hub_settings(&self) -> String {
        let alone = match self.nodes.len() {
            1 => "durability = \"single\"\nreplication = 1\n",
            _ => "",
        };
        format!(
            "[bus]\nkind = \"kafka\"\n[bus.kafka]\nbrokers = [\"{}\"]\nprefix = \"{}\"\n{alone}",
            self.address().replace(',', "\", \""),
            self.prefix()
        )
    }

    /// Its address for clients with certificates.
    pub fn tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.nodes[0].ports.tls)
    }

    /// A PEM file of the authority that signed its certificate, or of its client: `ca.crt`,
    /// `client.crt`, `client.key`, and `stranger.crt` of an authority that signed nothing.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.nodes[0].server.folder().join(name)
    }

    /// A prefix for topics that no other test has.
    pub fn prefix(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        format!("t{}.", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// The process of its first broker.
    pub fn process_id(&self) -> u32 {
        self.nodes[0].server.process_id()
    }

    /// Kills the first broker with SIGKILL.
    pub fn kill(&mut self) {
        self.kill_broker(0);
    }

    /// Starts it again, on the same ports with the same data.
    pub fn restart(&mut self) {
        self.restart_broker(0);
    }

    /// Kills a broker with SIGKILL.
    pub fn kill_broker(&mut self, broker: usize) {
        self.nodes[broker].server.kill();
    }

    /// Starts a killed broker again, on the same ports with the same data.
    pub fn restart_broker(&mut self, broker: usize) {
        self.restart_brokers(&[broker]);
    }

    /// Starts killed brokers again, and waits until they list all.
    pub fn restart_brokers(&mut self, brokers: &[usize]) {
        let count = self.nodes.len();
        std::thread::scope(|scope| {
            let killed = self.nodes.iter_mut().enumerate();
            for (_, node) in killed.filter(|(number, _)| brokers.contains(number)) {
                scope.spawn(move || {
                    let folder = node.server.folder().to_owned();
                    node.server = with_patience(|| Node::run(&folder, node.ports, count));
                });
            }
        });
    }

    /// What kcat prints with these words; panics when it fails.
    #[track_caller]
    pub fn kcat(&self, words: &[&str]) -> String {
        self.kcat_with(words, b"")
    }

    /// The same with this on its standard input.
    #[track_caller]
    pub fn kcat_with(&self, words: &[&str], input: &[u8]) -> String {
        let given = self.nodes[0].server.folder().join("kcat.input");
        fs::write(&given, input).expect("the server's folder can be written");
        let output = Command::new(find(&["/usr/bin/kcat"], "kcat"))
            .args(["-b", &self.address()])
            .args(words)
            .stdin(fs::File::open(given).expect("it was just written"))
            .output()
            .expect("kcat starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Kafka {
    /// Who may log in.
    pub const USER: &str = USER;
    /// By this password.
    pub const PASSWORD: &str = PASSWORD;
}

impl Node {
    fn run(folder: &Path, ports: Ports, brokers: usize) -> Result<Server, String> {
        let java = find(&["/usr/bin/java"], "default-jre-headless");
        let mut words = java_words(&java, folder, "256m");
        words.extend([
            "kafka.Kafka".to_owned(),
            folder.join("server.properties").display().to_string(),
        ]);
        Server::start(folder, &words, || is_ready(ports.plain, brokers))
    }
}

impl Ports {
    fn free() -> Self {
        Self { plain: free_port(), login: free_port(), tls: free_port(), controller: free_port() }
    }
}

/// Writes what a broker of a new cluster needs, and formats its storage.
fn lay_out(folder: &Path, node: usize, all: &[Ports]) -> Result<(), String> {
    let java = find(&["/usr/bin/java"], "default-jre-headless");
    let written = [
        ("server.properties", properties(folder, node, all)),
        ("log4j2.properties", LOGGING.to_owned()),
    ];
    for (name, text) in written {
        fs::write(folder.join(name), text).expect("the folder can be written");
    }
    certificates::make(folder)?;
    let mut words = java_words(&java, folder, "128m");
    let settings = folder.join("server.properties").display().to_string();
    let voters = all.iter().zip(DIRECTORIES).enumerate().map(|(node, (ports, directory))| {
        format!("{}@127.0.0.1:{}:{directory}", node + 1, ports.controller)
    });
    let voters = voters.collect::<Vec<_>>().join(",");
    let user = |mechanism| format!("{mechanism}=[name={USER},password={PASSWORD}]");
    words.extend(
        ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", &settings].map(str::to_owned),
    );
    words.extend(["--initial-controllers".to_owned(), voters]);
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        words.extend(["--add-scram".to_owned(), user(mechanism)]);
    }
    run(&words, "default-jre-headless")
}

/// A broker that is up lists itself and the others. A port that is open is not enough.
fn is_ready(port: u16, brokers: usize) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        return false;
    }
    let asked = Command::new(find(&["/usr/bin/kcat"], "kcat"))
        .args(["-b", &address.to_string(), "-L", "-m", "2"])
        .output();
    asked.is_ok_and(|asked| {
        String::from_utf8_lossy(&asked.stdout).contains(&format!(" {brokers} brokers:"))
    })
}

fn java_words(java: &str, folder: &Path, heap: &str) -> Vec<String> {
    let logging = folder.join("log4j2.properties");
    let words = [
        java,
        "-Xms64m",
        &format!("-Xmx{heap}"),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        &format!("-Dlog4j2.configurationFile={}", logging.display()),
        "-cp",
        &format!("{}/*", jars().display()),
    ];
    words.map(str::to_owned).to_vec()
}

/// Where the jars are.
fn jars() -> PathBuf {
    if let Some(folder) = env::var_os("YIKU_KAFKA_JARS") {
        return folder.into();
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(env::var_os("HOME").expect("a home folder")).join(".cache")
    });
    let folder = cache.join("yiku/kafka");
    assert!(
        folder.join("whole.txt").exists(),
        "this test needs Apache Kafka; `cargo xtask test` fetches it into {}",
        folder.display()
    );
    folder
}

fn properties(folder: &Path, node: usize, all: &[Ports]) -> String {
    let Ports { plain, login, tls, controller } = all[node];
    let controllers = all.iter().map(|ports| format!("127.0.0.1:{}", ports.controller));
    let controllers = controllers.collect::<Vec<_>>().join(",");
    let (copies, in_sync) = (all.len(), all.len().div_ceil(2));
    let listeners = [
        ("PLAINTEXT", "PLAINTEXT", plain),
        ("LOGIN", "SASL_PLAINTEXT", login),
        ("TLS", "SSL", tls),
        ("CONTROLLER", "PLAINTEXT", controller),
    ];
    let addresses = listeners.map(|(name, _, port)| format!("{name}://127.0.0.1:{port}")).join(",");
    let protocols = listeners.map(|(name, protocol, _)| format!("{name}:{protocol}")).join(",");
    let scram = ["256", "512"].map(|bits| {
        format!(
            "listener.name.login.scram-sha-{bits}.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        )
    });
    let scram = scram.concat();
    format!(
        "process.roles=broker,controller
node.id={number}
controller.quorum.bootstrap.servers={controllers}
listeners={addresses}
advertised.listeners={addresses}
listener.security.protocol.map={protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
{scram}listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={folder}/server.pem
listener.name.tls.ssl.truststore.type=PEM
listener.name.tls.ssl.truststore.location={folder}/ca.crt
listener.name.tls.ssl.client.auth=required
log.dirs={folder}/data
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.num.partitions=1
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=4194304
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
",
        number = node + 1,
        folder = folder.display()
    )
}

const LOGGING: &str = "status = warn
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
";
const USER: &str = "yiku";
const PASSWORD: &str = "yiku-secret";
/// Sixteen bytes in base64, as Kafka names clusters and folders of logs.
const CLUSTER: &str = "eWlrdS10ZXN0LWNsdXN0ZQ";
const DIRECTORIES: [&str; 3] =
    ["eWlrdS10ZXN0LWZvbGRlMQ", "eWlrdS10ZXN0LWZvbGRlMg", "eWlrdS10ZXN0LWZvbGRlMw"];
