//! What is wrong with a filter line.

/// Where a filter line goes wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct FilterError {
    /// Byte offset in the line.
    pub at: usize,
    /// How many bytes are wrong.
    pub len: usize,
    /// A sentence.
    pub message: String,
    /// What could stand there instead.
    pub expected: Vec<String>,
}

impl FilterError {
    /// What is wrong and what could stand there, as a person reads it.
    fn sentence(&self) -> String {
        let mut letters = self.message.chars();
        let first = letters.next().map(char::to_uppercase);
        let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
        sentence.push('.');
        if !self.expected.is_empty() {
            sentence.push_str(" Expected: ");
            sentence.push_str(&self.expected.join(", "));
            sentence.push('.');
        }
        sentence
    }
}
