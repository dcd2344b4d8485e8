//! The example of an application's own test holds for more seeds than it draws by itself.

#[path = "../../examples/app_test.rs"]
#[allow(dead_code, reason = "its main function is for users")]
mod app_test;

#[test]
fn an_application_agrees_over_a_simulated_service() {
    for seed in 0..60 {
        let left = app_test::run(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(left > 0, "seed {seed} proves nothing");
    }
}
