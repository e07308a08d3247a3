//! One suite for every place that blobs can lie in, and what content is by its bytes.

mod contract;
mod media;
mod samples;
mod support;
