//! Releases that succeed.

use e2e_native::app::App;
use e2e_native::transcript::transcript;

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_release_ends_with_0() {
    let app = App::new(41).await;
    let run = app.deploy(&[]);
    println!("{}\n{}", run.took.as_secs_f64(), run.err);
    insta::assert_snapshot!(transcript(&run));
    app.answers().await;
    let t = std::time::Instant::now();
    for v in ["FAIL_AT_START=3", "UNHEALTHY=1", "SLOW_START=5"] {
        let (k, v) = v.split_once('=').unwrap();
        app.edit(&[("[variables]", &format!("{k} = \"{v}\""))]);
        let run = app.deploy(&[]);
        println!("{k}\n{}\n{}\n=====\n{}", run.took.as_secs_f64(), run.err, transcript(&run));
    }
    println!("{:?}", app.managr(&["history", "test"]));
    println!("{:?}", app.history());
    println!("{}", app.platform.log());
}
