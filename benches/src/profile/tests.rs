use super::*;

/// Two functions of ours, a call between them, and code inlined from two other files.
const WRITTEN: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 7
cmd:  privd --x=y
part: 1

desc: Trigger: dump
positions: line
events: Ir
summary: 1160

ob=(1) /bin/privd
fl=(1) /work/http/src/edge.rs
fn=(1) priv_http::edge::Edge::call
10 100
+2 30
fi=(2) /rustc/0123abc/library/core/src/hash/sip.rs
55 200
fe=(1)
-3 10
cfi=(3) /root/.cargo/registry/src/index.crates.io-1a2b/sha2-0.10.9/src/sha256/soft.rs
cfn=(2) sha2::sha256::soft::compress
calls=2 40
* 800
*

fl=(3)
fn=(2)
40 790
* 10
fi=(4) /root/.cargo/registry/src/index.crates.io-1a2b/blake3-1.8.2/src/platform.rs
7 20

totals: 1160
";

fn parsed() -> Profile {
    Profile::parse(WRITTEN).expect("it adds up")
}

#[test]
fn a_call_counts_for_its_callee_alone() {
    let calls = |part: &Part| part.function == "priv_http::edge::Edge::call";
    assert_eq!(parsed().total(), 1160);
    assert_eq!(parsed().sum(calls), 340);
}

#[test]
fn inlined_code_counts_for_the_file_that_it_comes_from() {
    let share = |work| parsed().share(work).expect("there are symbols");
    let of_total = |instructions: u64| instructions as f64 / 1160.0;
    assert_eq!(share(Work::Sip), of_total(200));
    // What is inlined into a hash belongs to that, whatever file it comes from.
    assert_eq!(share(Work::Sha256), of_total(820));
    assert_eq!(share(Work::Blake3), 0.0);
    assert_eq!(share(Work::Crc), 0.0);
}

#[test]
fn the_report_begins_with_what_is_most() {
    let mut report = Vec::new();
    parsed().report(&mut report, 10).expect("memory takes all");
    let report = String::from_utf8(report).expect("text");
    let expected = "     a request      %  function, itself only
            82  70.69  sha2::sha256::soft::compress
            34  29.31  priv_http::edge::Edge::call

     a request      %  source file, inlined code where it was written
            80  68.97  sha2-0.10.9/src/sha256/soft.rs
            20  17.24  library/core/src/hash/sip.rs
            14  12.07  /work/http/src/edge.rs
             2   1.72  blake3-1.8.2/src/platform.rs
";
    assert_eq!(report, expected);
}

#[test]
fn a_file_that_is_not_understood_is_refused() {
    for (from, to, reason) in [
        ("+2 30", "+2 31", "its functions sum up to 1161 instructions, not to 1160"),
        ("totals: 1160\n", "", "it has no totals: it was not written to its end"),
        ("events: Ir", "events: Ir Dr Dw", "line 10: events are `Ir Dr Dw`"),
        ("positions: line", "positions: instr line", "line 9: positions are by `instr line`"),
        ("+2 30", "+2 3o", "line 17: a count of `3o`"),
        ("fe=(1)", "fe=(9)", "line 20: `(9)` has not been named"),
        ("fe=(1)", "fe=edge.rs", "line 20: no number in `edge.rs`"),
    ] {
        let text = WRITTEN.replacen(from, to, 1);
        assert_eq!(Profile::parse(&text), Err(reason.to_owned()), "{from}");
    }
}

#[test]
fn without_symbols_no_share_is_told() {
    // As callgrind writes a stripped binary.
    let nameless = "fl=(1) ???\nfn=(1) 0x00000000004a1b20\n0 60\nfl=(2) a.c\nfn=(2) a\n1 40\n";
    let profile = Profile::parse(&format!("{nameless}totals: 100\n")).expect("it adds up");
    assert_eq!(profile.share(Work::Sip), None);
}

#[test]
fn a_loop_of_assembly_is_named_by_its_file() {
    let symbols = WRITTEN.replace("sha2::sha256::soft::compress", "0x00000000004a1b20");
    let profile = Profile::parse(&symbols).expect("it adds up");
    let mut report = Vec::new();
    profile.report(&mut report, 10).expect("memory takes all");
    let report = String::from_utf8(report).expect("text");
    let (functions, _) = report.split_once("\n\n").expect("two tables");
    assert!(functions.ends_with("  2   1.72  blake3-1.8.2/src/platform.rs"), "{report}");
    assert_eq!(profile.share(Work::Blake3), Some(20.0 / 1160.0));
}

#[test]
fn paths_begin_with_their_package() {
    for (path, expected) in [
        (
            "/root/.cargo/registry/src/index.crates.io-1a2b/http-0.2.12/src/uri.rs",
            "http-0.2.12/src/uri.rs",
        ),
        ("/rustc/59807616/library/core/src/fmt/mod.rs", "library/core/src/fmt/mod.rs"),
        (
            "/t/release/build/jemalloc-sys-af/out/build/src/arena.c",
            "jemalloc-sys-af/out/build/src/arena.c",
        ),
        ("/home/me/build/http/src/edge.rs", "/home/me/build/http/src/edge.rs"),
        ("???", "???"),
    ] {
        assert_eq!(short(path), expected);
    }
}

#[test]
fn work_is_told_apart_by_function_or_file() {
    for (function, file, work) in [
        ("sha256_block_data_order_avx", "???", Some(Work::Sha256)),
        ("<hmac::Hmac<sha2::Sha256> as Mac>::new", "", Some(Work::Sha256)),
        ("sha512_block_data_order_avx", "???", Some(Work::Sha512)),
        ("compress", "/registry/src/x/sha2-0.10.9/src/sha512/soft.rs", Some(Work::Sha512)),
        ("_blake3_hash_many_avx2", "???", Some(Work::Blake3)),
        ("crc32c::hw_x86_64::crc32c", "", Some(Work::Crc)),
        ("core::hash::BuildHasher::hash_one", "/library/core/src/hash/mod.rs", None),
        ("core::hash::BuildHasher::hash_one", "/library/core/src/hash/sip.rs", Some(Work::Sip)),
        ("__memset_avx2_unaligned_erms", "memset.S", Some(Work::Memset)),
        ("actix_http::h1::dispatcher", "", None),
    ] {
        assert_eq!(Work::of(function, file), work, "{function} {file}");
    }
}
