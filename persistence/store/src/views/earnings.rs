//! Earnings: a line for each day and payer, and for each contribution or listing.

use priv_domain::entity::EntityId;
use priv_domain::views::DayEntry;

use super::Views;
use super::keys::{EARNINGS, EntryKey, user_prefix};
use crate::error::StoreError;
use crate::value::read_value;

impl Views {
    /// All lines of a user's earnings, oldest day first.
    ///
    /// # Errors
    /// sled failed, or a key or a value can't be read.
    pub fn earnings(&self, user: &EntityId) -> Result<Vec<DayEntry>, StoreError> {
        let prefix = user_prefix(EARNINGS, user);
        let items = self.tree.scan_prefix(&prefix);
        items
            .map(|item| {
                let (key, value) = item?;
                let EntryKey { day, payer, reference, .. } =
                    EntryKey::read(user, &key[prefix.len()..])
                        .ok_or(StoreError::Damaged { what: "earnings key" })?;
                let (amount, since) = read_value(&value)?;
                Ok(DayEntry { day, payer, reference, amount, since })
            })
            .collect()
    }
}
