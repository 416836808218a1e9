//! A file that is copied while it is written.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::places;

/// Gives as many bytes as a file had when its copying began, whatever has become of it: what is missing is zeros, and the log mends it.
pub(super) struct Exactly<R> {
    from: R,
    left: u64,
    is_at_end: bool,
    hash: Sha256,
}

impl<R> Exactly<R> {
    /// So many bytes of this.
    pub(super) fn new(from: R, bytes: u64) -> Self {
        Self {
            from,
            left: bytes,
            is_at_end: false,
            hash: Sha256::new(),
        }
    }

    /// The SHA-256 of what it gave.
    pub(super) fn hash(self) -> String {
        places::hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let buffer = &mut buffer[..most];
        let mut read = 0;
        if !self.is_at_end && most > 0 {
            read = self.from.read(buffer)?;
            self.is_at_end = read == 0;
        }
        if self.is_at_end {
            buffer.fill(0);
            read = most;
        }
        self.hash.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_became_shorter_or_longer_has_the_size_that_was_said() {
        let of = |text: &str, left: u64| {
            let mut from = Exactly::new(text.as_bytes(), left);
            let mut got = Vec::new();
            from.read_to_end(&mut got).unwrap();
            got
        };
        assert_eq!(of("abc", 3), b"abc");
        assert_eq!(of("abc", 5), b"abc\0\0");
        assert_eq!(of("abc", 2), b"ab");
        assert_eq!(of("", 0), b"");
    }
}
