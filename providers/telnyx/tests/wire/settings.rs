//! The settings.

use provider_test_kit::{readme_lists_the_settings, registration};

use crate::lab::lab;

#[tokio::test]
async fn a_wrong_country_is_a_fault_of_its_variable() {
    let lab = lab().await;
    let environment = agent_pool_core::settings::Environment::from_iter([
        ("TELNYX_API_KEY", "k"),
        ("TELNYX_COUNTRY_CODE", "us"),
    ]);
    let error = (registration("telnyx").build)(&environment)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("TELNYX_COUNTRY_CODE is \"us\": expected two capital letters"),
        "{error}"
    );
    assert!(lab.tool.verify(&lab.cx).await.is_ok());
}

#[test]
fn the_readme_lists_the_settings() {
    readme_lists_the_settings(include_str!("../../README.md"), "telnyx");
}
