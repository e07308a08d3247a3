//! One suite for every place where blobs can be stored, and tests of finding content's type.

mod contract;
mod media;
mod orphans;
mod ownership;
mod preview;
mod samples;
mod support;
