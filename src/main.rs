//! privd
fn main() {}
