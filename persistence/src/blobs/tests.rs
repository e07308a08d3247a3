//! One suite for every place that blobs can lie in, and what content is by its bytes.

mod contract;
mod media;
mod preview;
mod samples;
mod support;
