//! Finds the address that a request comes from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};

static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer's, or the one that the outermost of our own proxies saw.
///
/// `X-Forwarded-For` is read from the right, one entry for each trusted proxy: everything further
/// left was written by the client. A list that is too short or can't be read is ignored.
pub(super) fn client_address(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    trusted_proxies: usize,
) -> IpAddr {
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let Some(from_right) = trusted_proxies.checked_sub(1) else {
        return peer;
    };
    let entries: Vec<&str> = headers
        .get_all(&FORWARDED_FOR)
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    entries.iter().rev().nth(from_right).and_then(|entry| parse(entry.trim())).unwrap_or(peer)
}

/// The scheme that the client used, as the proxies in front say; without proxies, `http`.
pub(super) fn client_scheme(headers: &HeaderMap, trusted_proxies: usize) -> &'static str {
    let said = headers.get(&FORWARDED_PROTO).filter(|_| trusted_proxies > 0);
    if said.is_some_and(|scheme| scheme.as_bytes() == b"https") { "https" } else { "http" }
}

fn parse(entry: &str) -> Option<IpAddr> {
    let bare = || entry.parse().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let table: [(usize, &[&str], &str); 11] = [
            (0, &["1.1.1.1"], "9.9.9.9"),
            (1, &[], "9.9.9.9"),
            (1, &["1.1.1.1"], "1.1.1.1"),
            (1, &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            (1, &["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
            (2, &["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            (2, &["1.1.1.1"], "9.9.9.9"),
            (1, &["1.1.1.1:5000"], "1.1.1.1"),
            (1, &["[2001:db8::1]:5000"], "2001:db8::1"),
            (1, &["[2001:db8::1]"], "2001:db8::1"),
            (1, &["unknown"], "9.9.9.9"),
        ];
        for (proxies, forwarded, expected) in table {
            let mut request = TestRequest::get();
            for value in forwarded {
                request = request.append_header(("x-forwarded-for", *value));
            }
            let request = request.to_http_request();
            let peer = "9.9.9.9:1234".parse().ok();
            let address = client_address(peer, request.headers(), proxies);
            assert_eq!(address.to_string(), expected, "{proxies} {forwarded:?}");
        }
    }
}
