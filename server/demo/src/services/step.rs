//! What an order waits for.

/// What an order waits for, when that may take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The bank's answer.
    Payment,
    /// All its pieces.
    Goods,
    /// That its parcel leaves.
    Shipment,
    /// That its parcel arrives.
    Delivery,
}

impl Step {
    /// By the word that the read model of open fulfilments has for it.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "payment" => Self::Payment,
            "goods" => Self::Goods,
            "shipment" => Self::Shipment,
            "delivery" => Self::Delivery,
            _ => return None,
        })
    }

    /// Why the order is cancelled when it did not come.
    pub(crate) fn missed(self) -> &'static str {
        match self {
            Self::Payment => "payment timed out",
            Self::Goods => "goods timed out",
            Self::Shipment => "shipment timed out",
            Self::Delivery => "parcel lost",
        }
    }
}
