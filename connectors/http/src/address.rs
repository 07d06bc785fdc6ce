//! Where requests go, and what may go there.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use reqwest::{
    Client, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use yiku_connector::{ConnectorError, Secret, Surroundings};

/// An address with the client and headers for it.
#[derive(Clone, Debug)]
pub struct Address {
    /// Where requests go.
    pub url: Url,
    /// The same for errors: without login, query and fragment, which may hold secrets.
    pub name: String,
    /// Sends the requests.
    pub client: Client,
    /// Sent along.
    pub headers: HeaderMap,
}

const CONNECT: Duration = Duration::from_secs(10);

impl Address {
    /// Reads address and headers with their secrets.
    pub fn read(
        url: &Secret,
        headers: &BTreeMap<String, Secret>,
        insecure: bool,
        timeout: Duration,
        surroundings: &Surroundings,
    ) -> Result<Self, ConnectorError> {
        let url = url.read(surroundings)?;
        let url: Url = url.parse().map_err(|_| {
            ConnectorError::Config("the url is none such as https://host/path".into())
        })?;
        let name = shown(&url);
        may_be_used(&url, insecure)
            .map_err(|problem| ConnectorError::Config(format!("{name}: {problem}")))?;
        let mut map = HeaderMap::new();
        for (key, value) in headers {
            let wrong = |part| ConnectorError::Config(format!("{name}: header `{key}` {part}"));
            let key = HeaderName::try_from(key).map_err(|_| wrong("has no name of a header"))?;
            let mut value = HeaderValue::try_from(value.read(surroundings)?)
                .map_err(|_| wrong("has characters that a header cannot hold"))?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .user_agent(concat!("yiku/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ConnectorError::Unavailable {
                system: name.clone(),
                problem: "no HTTP client could be made".into(),
                cause: Some(Box::new(error)),
            })?;
        Ok(Self { url, name, client, headers: map })
    }
}

fn may_be_used(url: &Url, insecure: bool) -> Result<(), &'static str> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if insecure || is_this_machine(url) => Ok(()),
        "http" => Err("it is not secure: use https, or say `insecure: true` when the network in \
                       between is"),
        _ => Err("the url must begin with https:// or http://"),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An address without what may be secret in it.
pub fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, usable: bool, name: &str) {
        let url: Url = url.parse().unwrap();
        assert_eq!((may_be_used(&url, false).is_ok(), shown(&url).as_str()), (usable, name));
    }

    #[test]
    fn addresses() {
        check("https://u:p@ga.example.cn/rows?key=1#x", true, "https://ga.example.cn/rows");
        check("http://ga.example.cn:8080/rows", false, "http://ga.example.cn:8080/rows");
        check("http://127.0.0.1:80/", true, "http://127.0.0.1/");
        check("http://[::1]:8080/", true, "http://[::1]:8080/");
        check("http://localhost/", true, "http://localhost/");
        check("http://127.0.0.1.example.cn/", false, "http://127.0.0.1.example.cn/");
        check("ftp://ga.example.cn/", false, "ftp://ga.example.cn/");
    }
}
