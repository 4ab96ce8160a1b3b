//! Ids and short texts: what is taken comes back as it was.
#![no_main]

use agent_pool_core::wire::{AgentName, ConversationId, InviteUrl, JoinUrl, ProfileImage};
use agent_pool_core::{
    EnvName, EnvironmentName, InfraId, InstanceId, ResourceId, ServiceId, ToolId, is_unsafe,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    macro_rules! check {
        ($($id:ty),*) => {$(
            if let Ok(id) = text.parse::<$id>() {
                assert_eq!(id.to_string(), text);
                assert!(!text.chars().any(is_unsafe));
            }
        )*};
    }
    check!(
        InstanceId,
        ToolId,
        InfraId,
        ServiceId,
        ResourceId,
        EnvironmentName
    );
    let _ = text.parse::<EnvName>();
    let text = text.to_owned();
    if let Ok(name) = AgentName::try_from(text.clone()) {
        assert!(!name.as_str().chars().any(is_unsafe));
    }
    let _ = ConversationId::try_from(text.clone());
    if let Ok(url) = InviteUrl::try_from(text.clone()) {
        let parsed = url::Url::parse(url.as_str()).expect("it was checked");
        assert!(matches!(parsed.scheme(), "http" | "https"));
        assert!(!url.as_str().chars().any(is_unsafe));
    }
    let _ = ProfileImage::try_from(text.clone());
    if let Ok(link) = JoinUrl::try_from(text) {
        assert!(!link.as_str().chars().any(is_unsafe));
        assert!(!matches!(
            link.scheme(),
            Some("javascript" | "data" | "vbscript" | "file" | "blob")
        ));
        assert_eq!(
            JoinUrl::try_from(link.as_str().to_owned()).expect("it is one"),
            link
        );
    }
});
