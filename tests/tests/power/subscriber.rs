//! A system outside the city hall that takes deliveries over HTTP and forgets none.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::Value;

use crate::truth::Content;

/// A parcel as it arrived.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// How long the recording was by then.
    pub at: u64,
    /// Its `Idempotency-Key`.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Listens until it is dropped.
pub struct Subscriber {
    port: u16,
    got: Arc<Mutex<Vec<Parcel>>>,
    stopping: Arc<AtomicBool>,
}

impl Subscriber {
    /// One that has got these already, and notes with each other how long the file is.
    pub fn new(got: Vec<Parcel>, recording: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (got, stopping) = (Arc::new(Mutex::new(got)), Arc::new(AtomicBool::new(false)));
        let this = Self { port, got: Arc::clone(&got), stopping: Arc::clone(&stopping) };
        let recording = recording.to_owned();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let (got, recording) = (Arc::clone(&got), recording.clone());
                thread::spawn(move || take(stream.ok()?, &got, &recording));
            }
        });
        this
    }

    /// The connector file's lines that lead here.
    pub fn connector(&self) -> String {
        format!(
            "grant: patients\nevery: 1s\nsink: {{ kind: http, url: \"http://127.0.0.1:{}/\", \
             secret: {{ file: hook.secret }} }}\n",
            self.port
        )
    }

    /// All that has arrived.
    pub fn got(&self) -> Vec<Parcel> {
        self.got.lock().expect("no thread panics").clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers the requests of one connection.
fn take(stream: TcpStream, got: &Mutex<Vec<Parcel>>, recording: &PathBuf) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let Some((name, value)) = line.split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => value.trim().clone_into(&mut key),
                "content-length" => length = value.trim().parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        // Noted before the answer: what the hub writes once it has one comes later.
        let at = fs::metadata(recording).map_or(0, |file| file.len());
        got.lock().ok()?.push(Parcel { at, key, body });
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        (&stream).write_all(answer).ok()?;
    }
}

/// What a receiver has that takes each key once; the error says what was doubled or differs.
pub fn content(got: &[Parcel]) -> Result<Content, String> {
    let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
    let (mut content, mut last) = (Content::new(), 0);
    for parcel in got {
        if let Some(first) = bodies.insert(&parcel.key, &parcel.body) {
            if first != parcel.body {
                return Err(format!("{} came twice with other content", parcel.key));
            }
            continue;
        }
        let body: Value = serde_json::from_slice(&parcel.body).map_err(|e| e.to_string())?;
        for change in body["changes"].as_array().ok_or("a parcel without changes")? {
            let number = change["number"].as_u64().ok_or("a change without a number")?;
            if number <= last {
                return Err(format!("change {number} came after {last}, in {}", parcel.key));
            }
            last = number;
            let no = change["key"]["no"].as_str().ok_or("a change without a key")?.to_owned();
            match change["operation"].as_str() {
                Some("upsert") => {
                    let fee = change["items"]["fee"].as_str().ok_or("a row without a fee")?;
                    content.insert(no, fee.to_owned());
                }
                other => return Err(format!("nobody deleted anything: {other:?} of {no}")),
            }
        }
    }
    Ok(content)
}
