//! 10DLC campaigns.

use agent_pool_core::{ErrorKind, InstanceId};
use fake_cloud::{Options, Pace};

use crate::lab::{CAMPAIGN, lab, lab_with};

#[tokio::test]
async fn a_number_joins_the_campaign_and_its_state_is_metadata() {
    let mut options = Options::default();
    options.telnyx.campaign_pace = Pace::Reads(1);
    let lab = lab_with(options, &[CAMPAIGN]).await;
    let tool = lab.provision().await.unwrap();
    assert_eq!(tool.metadata["campaign"], "waiting for the carriers");
    let state = async || {
        let (resource, metadata) = lab.tool.refresh(&lab.cx).await.unwrap().remove(0);
        assert_eq!(resource, tool.resource);
        metadata["campaign"].clone()
    };
    assert_eq!(state().await, "assigned");
    assert_eq!(lab.tool.notices(), [""; 0]);
    lab.destroy(&tool).await.unwrap();
    assert_eq!(lab.calls("DeletePhoneNumberCampaign"), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_campaign_that_carriers_are_slow_to_accept_does_not_delay_the_instance() {
    let mut options = Options::default();
    options.telnyx.campaign_pace = Pace::Millis(86_400_000);
    let lab = lab_with(options, &[CAMPAIGN]).await;
    let tool = lab.provision().await.unwrap();
    let refreshed = lab.tool.refresh(&lab.cx).await.unwrap();
    assert_eq!(refreshed[0].1["campaign"], "waiting for the carriers");
    assert_eq!(
        lab.provision().await.unwrap(),
        tool,
        "and it is adopted as it is"
    );
    assert_eq!(lab.calls("CreatePhoneNumberCampaign"), 1);
}

#[tokio::test]
async fn without_a_campaign_it_is_said_that_us_texts_are_dropped() {
    let us = lab().await;
    let notice = us.tool.notices().remove(0);
    assert!(
        notice.starts_with("TELNYX_CAMPAIGN_ID is not set: US carriers drop"),
        "{notice}"
    );
    assert_eq!(us.provision().await.unwrap().metadata["campaign"], notice);
    for settings in [
        ("TELNYX_NUMBER_TYPE", "toll_free"),
        ("TELNYX_COUNTRY_CODE", "DE"),
        CAMPAIGN,
    ] {
        let lab = lab_with(Options::default(), &[settings]).await;
        assert_eq!(lab.tool.notices(), [""; 0], "{settings:?}");
    }
}

#[tokio::test]
async fn for_a_full_campaign_no_number_is_bought() {
    let full = ("TELNYX_CAMPAIGN_MAX_NUMBERS", "1");
    let mut lab = lab_with(Options::default(), &[CAMPAIGN, full]).await;
    lab.provision().await.unwrap();
    lab.provision().await.unwrap();
    lab.instance = InstanceId::generate();
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error
            .to_string()
            .contains("TELNYX_CAMPAIGN_MAX_NUMBERS is 1"),
        "{error}"
    );
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
}
