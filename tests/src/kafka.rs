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
    free_port,
    server::{Server, find, new_folder, run, with_patience},
};

/// A Kafka cluster of one broker.
#[derive(Debug)]
pub struct Kafka {
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
    /// Starts a cluster of one's own, for tests that kill it.
    pub fn start() -> Self {
        with_patience(Self::try_start)
    }

    fn try_start() -> Result<Self, String> {
        let java = find(&["/usr/bin/java"], "default-jre-headless");
        let folder = new_folder("kafka", "root");
        let ports = Ports {
            plain: free_port(),
            login: free_port(),
            tls: free_port(),
            controller: free_port(),
        };
        let written = [
            ("server.properties", properties(&folder, ports)),
            ("log4j2.properties", LOGGING.to_owned()),
        ];
        for (name, text) in written {
            fs::write(folder.join(name), text).expect("the folder can be written");
        }
        make_certificates(&folder)?;
        let mut words = java_words(&java, &folder, "128m");
        let settings = folder.join("server.properties").display().to_string();
        let voter = format!("1@127.0.0.1:{}:{DIRECTORY}", ports.controller);
        let user = |mechanism| format!("{mechanism}=[name={USER},password={PASSWORD}]");
        words.extend(
            ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", &settings]
                .map(str::to_owned),
        );
        words.extend(["--initial-controllers".to_owned(), voter]);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            words.extend(["--add-scram".to_owned(), user(mechanism)]);
        }
        run(&words, "default-jre-headless").inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        Ok(Self { server: Self::run(&folder, ports)?, ports })
    }

    fn run(folder: &Path, ports: Ports) -> Result<Server, String> {
        let java = find(&["/usr/bin/java"], "default-jre-headless");
        let mut words = java_words(&java, folder, "256m");
        words.extend([
            "kafka.Kafka".to_owned(),
            folder.join("server.properties").display().to_string(),
        ]);
        Server::start(folder, &words, || is_ready(ports.plain))
    }

    /// Its address, for clients that neither log in nor encrypt.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.plain)
    }

    /// Its address for clients that log in by SCRAM as [`Kafka::USER`].
    pub fn login_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.login)
    }

    /// The settings of a hub with its bus here, on topics that no other hub has.
    pub fn hub_settings(&self) -> String {
        format!(
            "[bus]\nkind = \"kafka\"\n[bus.kafka]\nbrokers = [\"{}\"]\nprefix = \"{}\"\n\
             durability = \"single\"\nreplication = 1\n",
            self.address(),
            self.prefix()
        )
    }

    /// Its address for clients with certificates.
    pub fn tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.tls)
    }

    /// A PEM file of the authority that signed its certificate, or of its client: `ca.crt`,
    /// `client.crt`, `client.key`, and `stranger.crt` of an authority that signed nothing.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    /// A prefix for topics that no other test has.
    pub fn prefix(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        format!("t{}.", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Kills the broker with SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed broker again, on the same ports with the same data.
    pub fn restart(&mut self) {
        let folder = self.server.folder().to_owned();
        self.server = with_patience(|| Self::run(&folder, self.ports));
    }

    /// What kcat prints with these words; panics when it fails.
    #[track_caller]
    pub fn kcat(&self, words: &[&str]) -> String {
        self.kcat_with(words, b"")
    }

    /// The same with this on its standard input.
    #[track_caller]
    pub fn kcat_with(&self, words: &[&str], input: &[u8]) -> String {
        let given = self.server.folder().join("kcat.input");
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

/// A broker that is up lists itself. A port that is open is not enough.
fn is_ready(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        return false;
    }
    let asked = Command::new(find(&["/usr/bin/kcat"], "kcat"))
        .args(["-b", &address.to_string(), "-L", "-m", "2"])
        .output();
    asked.is_ok_and(|asked| String::from_utf8_lossy(&asked.stdout).contains(" 1 brokers:"))
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

/// An authority, certificates of the broker and of a client, and another authority.
fn make_certificates(folder: &Path) -> Result<(), String> {
    let openssl = find(&["/usr/bin/openssl"], "openssl");
    let path = |name: &str| folder.join(name).display().to_string();
    let openssl = |words: &[&str]| {
        let words: Vec<String> = std::iter::once(openssl.as_str())
            .chain(words.iter().copied())
            .map(str::to_owned)
            .collect();
        run(&words, "openssl")
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    for authority in ["ca", "stranger"] {
        let subject = format!("/CN={authority}");
        let (secret, public) =
            (path(&format!("{authority}.key")), path(&format!("{authority}.crt")));
        let made = ["-days", "30", "-subj", &subject, "-keyout", &secret, "-out", &public];
        openssl(&[&["req", "-x509"], &key[..], &made].concat())?;
    }
    let names = path("names.cnf");
    fs::write(&names, "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("our own folder");
    for who in ["server", "client"] {
        let subject = format!("/CN={who}");
        let [secret, request, public] =
            ["key", "csr", "crt"].map(|kind| path(&format!("{who}.{kind}")));
        let asked = ["-subj", &subject, "-keyout", &secret, "-out", &request];
        openssl(&[&["req"], &key[..], &asked].concat())?;
        let signed = ["-CA", &path("ca.crt"), "-CAkey", &path("ca.key"), "-CAcreateserial"];
        let more = ["-days", "30", "-extfile", &names, "-out", &public];
        openssl(&[&["x509", "-req", "-in", &request], &signed[..], &more].concat())?;
    }
    let parts = ["server.key", "server.crt", "ca.crt"].map(|name| fs::read(folder.join(name)));
    let whole: Vec<u8> = parts.into_iter().flat_map(|part| part.expect("it was made")).collect();
    fs::write(folder.join("server.pem"), whole).expect("our own folder");
    Ok(())
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

fn properties(folder: &Path, ports: Ports) -> String {
    let Ports { plain, login, tls, controller } = ports;
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
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
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
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=4194304
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
",
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
const DIRECTORY: &str = "eWlrdS10ZXN0LWZvbGRlcg";
