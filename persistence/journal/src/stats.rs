//! Statistics of the journal: positions, sizes of groups, times of syncs.

use std::collections::VecDeque;
use std::time::Duration;

use priv_domain::Position;

use crate::witness::ChainPoint;

/// The number of groups that count as recent.
const RECENT: usize = 1024;

/// Statistics of a journal, for metrics and operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalStats {
    /// The last position given out.
    pub appended: Position,
    /// The last position that is durable.
    pub durable: Position,
    /// The chain's hash at `durable`, in hexadecimal.
    pub chain_head: String,
    /// Groups written since the journal was opened.
    pub groups: u64,
    /// Records a group, over the recent groups.
    pub group_records: Spread,
    /// Bytes a group, with padding, over the recent groups.
    pub group_bytes: Spread,
    /// Durations of the recent syncs.
    pub sync: SyncTimes,
    /// Bytes that wait for the disk.
    pub queued_bytes: u64,
    /// Number of segments, archived ones included.
    pub segments: u64,
    /// Number of archived segments.
    pub archived_segments: u64,
    /// Bytes that the segments take on the disk, without spares.
    pub bytes_on_disk: u64,
}

/// One figure over the recent groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Its value for the last group.
    pub last: u64,
    /// Its mean, rounded down.
    pub mean: u64,
    /// Its largest value.
    pub max: u64,
}

/// Durations of the recent syncs, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncTimes {
    /// The median: half of them took at most this long.
    pub p50_micros: u64,
    /// The 99th percentile: 99 of 100 took at most this long.
    pub p99_micros: u64,
    /// The longest of them.
    pub max_micros: u64,
}

/// The figures of one group that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) records: u32,
    pub(crate) bytes: u64,
    pub(crate) sync: Duration,
}

/// The figures of the recent groups.
#[derive(Debug)]
pub(crate) struct Recent {
    pub(crate) groups: u64,
    pub(crate) head: ChainPoint,
    written: VecDeque<Written>,
}

impl Recent {
    pub(crate) fn new(head: ChainPoint) -> Self {
        Self { groups: 0, head, written: VecDeque::with_capacity(RECENT) }
    }

    pub(crate) fn add(&mut self, written: Written, head: ChainPoint) {
        if self.written.len() == RECENT {
            self.written.pop_front();
        }
        self.written.push_back(written);
        self.groups += 1;
        self.head = head;
    }

    pub(crate) fn records(&self) -> Spread {
        spread(self.written.iter().map(|group| u64::from(group.records)))
    }

    pub(crate) fn bytes(&self) -> Spread {
        spread(self.written.iter().map(|group| group.bytes))
    }

    pub(crate) fn sync(&self) -> SyncTimes {
        let mut micros: Vec<u64> = self
            .written
            .iter()
            .map(|group| u64::try_from(group.sync.as_micros()).unwrap_or(u64::MAX))
            .collect();
        micros.sort_unstable();
        let at = |percent: usize| {
            let rank = (micros.len() * percent).div_ceil(100);
            micros.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        SyncTimes { p50_micros: at(50), p99_micros: at(99), max_micros: at(100) }
    }
}

fn spread(values: impl ExactSizeIterator<Item = u64> + Clone) -> Spread {
    let count = values.len().max(1) as u64;
    Spread {
        last: values.clone().last().unwrap_or_default(),
        mean: values.clone().sum::<u64>() / count,
        max: values.max().unwrap_or_default(),
    }
}
