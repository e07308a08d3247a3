//! Parses the credential in the `Authorization` header.

use std::borrow::Cow;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The credential that a caller presents, parsed but not yet checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// The request has no `Authorization` header.
    None,
    /// The header is there, but in no form that is known here.
    Unreadable,
    /// `Bearer`, or `Basic` with the key as user name (as Segment's clients send it).
    Token(Cow<'a, str>),
}

impl<'a> Credential<'a> {
    /// Reads the header. The scheme's case does not matter (RFC 9110, 11.1).
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Self::None;
        };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            return Self::Unreadable;
        };
        let rest = rest.trim();
        let token = if scheme.eq_ignore_ascii_case("bearer") {
            Some(Cow::Borrowed(rest))
        } else if scheme.eq_ignore_ascii_case("basic") {
            user_name(rest).map(Cow::Owned)
        } else {
            None
        };
        token.filter(|token| !token.is_empty()).map_or(Self::Unreadable, Self::Token)
    }
}

fn user_name(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user).to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn tokens_are_taken_from_bearer_and_basic() {
        let token = |text: &'static str| Credential::Token(text.into());
        let table = [
            ("Bearer abc", token("abc")),
            ("bearer abc", token("abc")),
            ("BEARER   abc ", token("abc")),
            ("Basic cGtfbGl2ZV94Og==", token("pk_live_x")),
            ("basic cGtfbGl2ZV94OnB3", token("pk_live_x")),
            ("Basic cGtfbGl2ZV94", token("pk_live_x")),
            ("Bearer", Credential::Unreadable),
            ("Bearer ", Credential::Unreadable),
            ("Basic Og==", Credential::Unreadable),
            ("Basic %%%", Credential::Unreadable),
            ("Digest abc", Credential::Unreadable),
            ("pk_live_x", Credential::Unreadable),
        ];
        for (header, expected) in table {
            let request =
                TestRequest::get().insert_header(("authorization", header)).to_http_request();
            assert_eq!(Credential::of(request.headers()), expected, "{header}");
        }
        let request = TestRequest::get().to_http_request();
        assert_eq!(Credential::of(request.headers()), Credential::None);
    }
}
