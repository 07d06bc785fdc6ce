//! Certificates of servers and clients, by OpenSSL.

use std::{fs, path::Path};

use crate::server::{find, run};

/// Makes an authority, certificates of the server and of a client, and another authority.
pub(crate) fn make(folder: &Path) -> Result<(), String> {
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
