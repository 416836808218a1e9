//! Checks an append before it is queued, so that one bad append cannot spoil the batch of others.

use highwater_model::{AppendToStream, Limits};

use crate::appender::Prepared;
use crate::{Ids, StoreError};

pub(crate) fn check(_appends: Vec<AppendToStream>, _limits: &Limits, _ids: Ids) -> Result<Prepared, StoreError> {
    Err(StoreError::Broken("appending is not there yet".to_owned()))
}
