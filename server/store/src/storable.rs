//! What JSON allows and `jsonb` does not.

/// What the database can't store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unstorable {
    /// It nests too deeply.
    Depth,
    /// It holds this.
    What(&'static str),
}

/// Checks a text that is known to be JSON.
pub(crate) fn storable(json: &str, depth: usize) -> Result<(), Unstorable> {
    let bytes = json.as_bytes();
    let (mut at, mut level) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                level += 1;
                if level > depth {
                    return Err(Unstorable::Depth);
                }
                at += 1;
            }
            b'}' | b']' => {
                level -= 1;
                at += 1;
            }
            b'"' => at = string(json, at + 1)?,
            b'-' | b'0'..=b'9' => {
                let end = at
                    + json[at..]
                        .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
                        .unwrap_or(json.len() - at);
                number(&json[at..end])?;
                at = end;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// Skips a string; answers where it ends.
fn string(json: &str, start: usize) -> Result<usize, Unstorable> {
    let bytes = json.as_bytes();
    let unit = |at: usize| {
        json.get(at..at + 4)
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
            .unwrap_or(0)
    };
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' if bytes.get(at + 1) == Some(&b'u') => match unit(at + 2) {
                0 => return Err(Unstorable::What("\\u0000 in a text")),
                0xD800..=0xDBFF => {
                    let pair = json.get(at + 6..at + 8) == Some("\\u")
                        && matches!(unit(at + 8), 0xDC00..=0xDFFF);
                    if !pair {
                        return Err(Unstorable::What(
                            "half of a surrogate pair (\\ud800 to \\udbff alone)",
                        ));
                    }
                    at += 12;
                }
                0xDC00..=0xDFFF => {
                    return Err(Unstorable::What(
                        "half of a surrogate pair (\\udc00 to \\udfff alone)",
                    ));
                }
                _ => at += 6,
            },
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Ok(at)
}

/// `numeric` reaches far beyond floating point, but not without end.
fn number(text: &str) -> Result<(), Unstorable> {
    const MOST: i64 = 10_000;
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => {
            let exponent = exponent.trim_start_matches('+').parse::<i64>();
            (mantissa, exponent.unwrap_or(i64::MAX))
        }
    };
    let fraction = mantissa
        .split_once('.')
        .map_or(0, |(_, digits)| length(digits));
    // An exponent below 0 adds to the digits behind the point, of which there may be 16,383.
    let behind = fraction.saturating_sub(exponent);
    if length(text) > MOST || exponent.saturating_abs() > MOST || behind > MOST {
        return Err(Unstorable::What("a number of more than 10,000 digits"));
    }
    Ok(())
}
