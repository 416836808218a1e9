//! Values inside a JSON text, without losing a number's digits. The text is known to be JSON.

use std::cmp::Ordering;

/// Where the value that begins `json` ends.
pub(super) fn value_end(json: &str) -> usize {
    let bytes = json.as_bytes();
    match bytes.first() {
        Some(b'"') => string_end(json),
        Some(b'{' | b'[') => {
            let (mut at, mut level) = (0, 0_usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at += string_end(&json[at..]);
                        continue;
                    }
                    b'{' | b'[' => level += 1,
                    b'}' | b']' => {
                        level -= 1;
                        if level == 0 {
                            return at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            at
        }
        _ => json
            .find([',', '}', ']', ' ', '\t', '\n', '\r'])
            .unwrap_or(json.len()),
    }
}

fn string_end(json: &str) -> usize {
    let bytes = json.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// The text of a JSON string.
pub(super) fn text(json: &str) -> Option<String> {
    if json.starts_with('"') {
        serde_json::from_str(json).ok()
    } else {
        None
    }
}

/// A number begins here.
pub(super) fn is_number(json: &str) -> bool {
    json.starts_with(|c: char| c == '-' || c.is_ascii_digit())
}

/// Members of an object (with their keys), items of an array (without).
pub(crate) fn children(json: &str) -> Vec<(Option<String>, &str)> {
    let mut children = Vec::new();
    let json = json.trim();
    let object = json.starts_with('{');
    if !object && !json.starts_with('[') {
        return children;
    }
    let mut rest = json[1..].trim_start();
    while !rest.is_empty() && !rest.starts_with(['}', ']']) {
        let key = if object {
            let end = string_end(rest);
            let key = text(&rest[..end]);
            rest = rest[end..]
                .trim_start()
                .trim_start_matches(':')
                .trim_start();
            key
        } else {
            None
        };
        let end = value_end(rest);
        children.push((key, &rest[..end]));
        rest = rest[end..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    children
}

/// The value at a path. In an array a whole number counts its items, from the end when negative, as PostgreSQL's `#>` does.
pub(super) fn at_path<'a>(json: &'a str, path: &[String]) -> Option<&'a str> {
    let mut value = json.trim();
    for key in path {
        let mut children = children(value);
        if value.starts_with('{') {
            // The last of equal keys counts, as in jsonb.
            value = children
                .into_iter()
                .rev()
                .find(|(name, _)| name.as_ref() == Some(key))?
                .1;
        } else if value.starts_with('[') {
            let index: i32 = key
                .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c'])
                .parse()
                .ok()?;
            let index = if index < 0 {
                i64::try_from(children.len()).ok()? + i64::from(index)
            } else {
                i64::from(index)
            };
            let index = usize::try_from(index).ok()?;
            if index >= children.len() {
                return None;
            }
            value = children.swap_remove(index).1;
        } else {
            return None;
        }
    }
    Some(value)
}

/// Compares two JSON numbers exactly.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Decimal::of(a), Decimal::of(b));
    match (a.sign(), b.sign()) {
        (x, y) if x != y => x.cmp(&y),
        (0, _) => Ordering::Equal,
        (sign, _) => {
            let magnitude = a
                .magnitude()
                .cmp(&b.magnitude())
                .then_with(|| a.digits.cmp(&b.digits));
            if sign > 0 {
                magnitude
            } else {
                magnitude.reverse()
            }
        }
    }
}

/// Beyond what a count holds, the end of counting: whatever is compared with it is on its other side.
fn power_of_ten(text: &str) -> i64 {
    let end = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.trim_start_matches('+').parse().unwrap_or(end)
}

/// 0.`digits` × 10^`exponent`, without zeros at either end.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = text
            .strip_prefix('-')
            .map_or((false, text), |rest| (true, rest));
        let (mantissa, power) = text
            .split_once(['e', 'E'])
            .map_or((text, 0), |(mantissa, power)| {
                (mantissa, power_of_ten(power))
            });
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        let before_the_point =
            i64::try_from(whole.len()).unwrap_or(0) - i64::try_from(leading).unwrap_or(0);
        let exponent = before_the_point.saturating_add(power);
        Self {
            negative,
            digits,
            exponent,
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn magnitude(&self) -> i64 {
        self.exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_whatever_their_exponents() {
        for (less, more) in [
            ("1e9223372036854775805", "1e9223372036854775807"),
            ("-1e99999999999999999999", "1e-99999999999999999999"),
            ("5", "1e99999999999999999999"),
            ("1e-99999999999999999999", "0.5"),
            ("123e9223372036854775000", "10e9223372036854775807"),
        ] {
            assert_eq!(compare(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(compare(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(compare("0e99999999999999999999", "-0"), Ordering::Equal);
    }
}
