//! A hub under load that is killed again and again loses and doubles nothing.

use yiku_tests::xtask;

#[test]
fn twenty_kills_under_load_lose_and_double_nothing() {
    let ended = xtask(&["soak", "--kills", "20"]);
    assert!(ended.success, "{}", ended.stderr);
    assert!(ended.stderr.contains("20 kills"), "{}", ended.stderr);
    eprintln!("{}", ended.stderr);
}
