//! The cookies: of a session, and of a link that was shared.

use axum::http::{HeaderMap, HeaderValue, header};

/// How a cookie is called and kept: where the console is reached by https, the browser gives it to nobody else; on this machine's own
/// loopback a port has its own, for cookies don't tell ports apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretCookie {
    name: String,
    is_secure: bool,
}

impl SecretCookie {
    /// Of a server that is reached by https, or on loopback at this port.
    pub(crate) fn new(what: &str, is_secure: bool, port: u16) -> Self {
        let name = if is_secure {
            format!("__Host-{what}")
        } else {
            format!("{what}-{port}")
        };
        Self { name, is_secure }
    }

    /// The secret that a request brings along.
    pub(crate) fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter();
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name)
            .map(|(_, value)| value)
    }

    /// What has a browser keep this secret, for so many seconds.
    pub(crate) fn keep(&self, secret: &str, seconds: i64) -> Option<HeaderValue> {
        self.header(&format!("{secret}; Max-Age={seconds}"))
    }

    /// What has a browser forget it.
    pub(crate) fn forget(&self) -> Option<HeaderValue> {
        self.header("; Max-Age=0")
    }

    fn header(&self, value: &str) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = &self.name;
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_https_it_is_bound_to_the_host() {
        let cookie = SecretCookie::new("highwater", true, 3000);
        let kept = cookie.keep("abc", 60).unwrap();
        assert_eq!(
            kept,
            "__Host-highwater=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        let kept = SecretCookie::new("highwater", false, 4300)
            .forget()
            .unwrap();
        assert_eq!(
            kept,
            "highwater-4300=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn it_is_found_among_others() {
        let mut headers = HeaderMap::new();
        let cookie = SecretCookie::new("highwater", false, 4300);
        assert_eq!(cookie.read(&headers), None);
        headers.append(header::COOKIE, "a=1; highwater-4301=x".parse().unwrap());
        assert_eq!(cookie.read(&headers), None);
        headers.append(
            header::COOKIE,
            "b=2; highwater-4300=abc;c=3".parse().unwrap(),
        );
        assert_eq!(cookie.read(&headers), Some("abc"));
    }
}
