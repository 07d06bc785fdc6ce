//! A department's web service that answers as it is told: a system outside the city hall.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use serde_json::Value;

/// How it answers a parcel.
#[derive(Clone, Copy)]
pub enum Answer {
    /// With this status and body.
    Says(&'static str, &'static str),
    /// With more bytes than anybody reads.
    NeverEnds,
    /// With half of what it announces.
    BreaksOff,
    /// Not within this time.
    After(Duration),
}

/// The service: one path for each connector.
#[derive(Clone)]
pub struct Receiver {
    pub port: u16,
    told: Arc<Mutex<HashMap<String, Answer>>>,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Receiver {
    /// Begins to listen; a path answers 200 until it is told otherwise.
    pub fn listen() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let this = Self { port, told: Arc::default(), taken: Arc::default() };
        let own = this.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                thread::spawn(move || own.serve(stream));
            }
        });
        this
    }

    /// From now on this path answers so.
    pub fn tell(&self, path: &str, answer: Answer) {
        self.told.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Cards of the rows that came to a path with an answer of 200, each once a parcel.
    pub fn cards(&self, path: &str) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let parcels = taken.iter().filter(|(to, _)| to == path);
        let changes = parcels.flat_map(|(_, body)| body["changes"].as_array().unwrap().clone());
        changes.map(|change| change["key"]["no"].as_str().unwrap().to_owned()).collect()
    }

    /// One request; the connection is closed after it. What breaks off is the other side's to tell.
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut first = String::new();
        reader.read_line(&mut first).ok()?;
        let path = first.split(' ').nth(1)?.trim_matches('/').to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let told = self.told.lock().unwrap().get(&path).copied();
        let (status, said) = match told.unwrap_or(Answer::Says("200 OK", "")) {
            Answer::Says(status, said) => (status, said),
            Answer::After(time) => {
                thread::sleep(time);
                ("200 OK", "")
            }
            Answer::BreaksOff => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{").ok()?;
                return None;
            }
            Answer::NeverEnds => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").ok()?;
                while stream.write_all(&[b' '; 65_536]).is_ok() {}
                return None;
            }
        };
        if status == "200 OK" && first.starts_with("POST") {
            let parcel = serde_json::from_slice(&body).expect("a parcel is JSON");
            self.taken.lock().unwrap().push((path, parcel));
        }
        let length = said.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: /new\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(said.as_bytes()).ok()
    }
}
