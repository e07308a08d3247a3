//! What users earned, a line per payer and day.

use priv_domain::earning::Payer;
use priv_domain::entity::EntityId;
use priv_domain::{Day, Micros, Timestamp};

use super::Lists;
use super::keys::{EARNINGS, EntryKey, user_prefix};
use crate::store::{StoreError, read_value};

/// What a user earned with one payer on one UTC day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayEntry {
    /// The day.
    pub day: Day,
    /// Who pays.
    pub payer: Payer,
    /// Which contribution or listing it is for, as the bits of its id; 0 for a day's events.
    pub reference: u128,
    /// How much.
    pub amount: Micros,
    /// When the first of it was earned.
    pub since: Timestamp,
}

impl Lists {
    /// What a user earned, oldest day first.
    ///
    /// # Errors
    /// sled failed.
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
