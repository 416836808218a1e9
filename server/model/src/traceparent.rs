//! Where in a trace something happened, as W3C's Trace Context writes it: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`.

use std::fmt;
use std::str::FromStr;

/// The target of spans that are meant for a collector of traces, and of nothing else. Logs leave them out; collectors get no others.
pub const TRACES: &str = "highwater_traces";

/// A place in a trace: in a request's header, and in an event's metadata, under the name `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traceparent {
    /// The trace, never zero.
    pub trace_id: u128,
    /// The span in it, never zero.
    pub span_id: u64,
    /// Flags; the lowest bit says that the trace is recorded.
    pub flags: u8,
}

/// It is no traceparent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is like 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
pub struct TraceparentError;

impl Traceparent {
    /// Its name, as a header and in metadata.
    pub const NAME: &'static str = "traceparent";
    /// Bytes of its text.
    const BYTES: usize = 55;
}

impl FromStr for Traceparent {
    type Err = TraceparentError;

    /// Of later versions what this one knows of them, as the standard asks.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (head, rest) = text.split_at_checked(Self::BYTES).ok_or(TraceparentError)?;
        let parts: Vec<&str> = head.split('-').collect();
        let [version, trace_id, span_id, flags] = parts[..] else {
            return Err(TraceparentError);
        };
        let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        let found = Self {
            trace_id: digits(trace_id, 32)?,
            span_id: u64::try_from(digits(span_id, 16)?).map_err(|_| TraceparentError)?,
            flags: u8::try_from(digits(flags, 2)?).map_err(|_| TraceparentError)?,
        };
        let is_known = digits(version, 2)? != 0xff;
        if is_known && ends && found.trace_id != 0 && found.span_id != 0 {
            Ok(found)
        } else {
            Err(TraceparentError)
        }
    }
}

/// So many hexadecimal digits; capitals are none here.
fn digits(text: &str, count: usize) -> Result<u128, TraceparentError> {
    let are_right = text.len() == count
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !are_right {
        return Err(TraceparentError);
    }
    u128::from_str_radix(text, 16).map_err(|_| TraceparentError)
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written_the_same() {
        let read: Traceparent = ONE.parse().unwrap();
        assert_eq!(read.span_id, 0xb7ad_6b71_6920_3331);
        assert_eq!(read.to_string(), ONE);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = ONE.replacen("00", "cc", 1);
        let read: Traceparent = ONE.parse().unwrap();
        for text in [later.clone(), format!("{later}-more")] {
            assert_eq!(text.parse::<Traceparent>(), Ok(read), "{text}");
        }
        assert!(format!("{later}more").parse::<Traceparent>().is_err());
    }

    #[test]
    fn what_the_standard_refuses_is_none() {
        for text in [
            "",
            "00",
            &ONE[..54],
            &format!("{ONE}-more"),
            &ONE.to_uppercase(),
            &ONE.replacen("00", "ff", 1),
            &ONE.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &ONE.replace("b7ad6b7169203331", &"0".repeat(16)),
            &ONE.replace('-', "_"),
            &ONE.replace("0a", "+a"),
            &"ü".repeat(28),
        ] {
            assert!(text.parse::<Traceparent>().is_err(), "{text}");
        }
    }
}
