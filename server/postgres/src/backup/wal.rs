//! Which files of the write-ahead log a backup needs.

use super::BackupError;

/// Their names, from the one in which the backup begins to the one in which it ends. The first is named by the backup's label, where it
/// ends is a place in the log.
pub(super) fn segments(
    label: &str,
    stop: &str,
    segment_bytes: u64,
) -> Result<Vec<String>, BackupError> {
    let odd = || BackupError::Log(format!("it ends at {stop:?}, and the label is {label:?}"));
    let first = first(label).ok_or_else(odd)?;
    let stop = place(stop).ok_or_else(odd)?;
    if segment_bytes == 0 {
        return Err(odd());
    }
    let in_one_log = (1_u64 << 32) / segment_bytes;
    let begin = first.log * in_one_log + first.segment;
    // One that ends with a file does not need the next.
    let end = stop.saturating_sub(1) / segment_bytes;
    if in_one_log == 0 || end < begin {
        return Err(odd());
    }
    let timeline = first.timeline;
    let name = |number: u64| {
        let (log, segment) = (number / in_one_log, number % in_one_log);
        format!("{timeline:08X}{log:08X}{segment:08X}")
    };
    Ok((begin..=end).map(name).collect())
}

struct First {
    timeline: u64,
    log: u64,
    segment: u64,
}

/// `START WAL LOCATION: 0/2000028 (file 000000010000000000000002)`.
fn first(label: &str) -> Option<First> {
    let line = label
        .lines()
        .find_map(|line| line.strip_prefix("START WAL LOCATION: "))?;
    let name = line.split_once("(file ")?.1.strip_suffix(')')?;
    let part = |at: usize| u64::from_str_radix(name.get(at..at + 8)?, 16).ok();
    (name.len() == 24).then_some(())?;
    Some(First {
        timeline: part(0)?,
        log: part(8)?,
        segment: part(16)?,
    })
}

/// `1/2000138` → its distance from the beginning of the log.
fn place(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let half = |text: &str| u32::from_str_radix(text, 16).ok().map(u64::from);
    Some((half(high)? << 32) | half(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB_16: u64 = 16 << 20;

    fn label(file: &str) -> String {
        format!("START WAL LOCATION: 0/2000028 (file {file})\nCHECKPOINT LOCATION: 0/2000060\n")
    }

    #[test]
    fn a_backup_needs_the_files_from_its_beginning_to_its_end() {
        let of = |file: &str, stop: &str| segments(&label(file), stop, MIB_16).unwrap();
        assert_eq!(
            of("000000010000000000000002", "0/2000138"),
            ["000000010000000000000002"]
        );
        // It ends with the file.
        assert_eq!(
            of("000000010000000000000002", "0/3000000"),
            ["000000010000000000000002"]
        );
        assert_eq!(
            of("0000000300000000000000FE", "1/1000028"),
            [
                "0000000300000000000000FE",
                "0000000300000000000000FF",
                "000000030000000100000000",
                "000000030000000100000001"
            ]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (label, stop) in [
            (String::new(), "0/2000138"),
            (label("00000001000000000000002"), "0/2000138"),
            (label("000000010000000000000002"), "2000138"),
            (label("000000010000000000000005"), "0/2000138"),
        ] {
            assert!(segments(&label, stop, MIB_16).is_err(), "{label} {stop}");
        }
    }
}
