//! The codes of problems and their meanings.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Effect;

/// The party at fault: who must change something before a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request's: the same request fails everywhere.
    Request,
    /// The instance's: another instance may work.
    Instance,
    /// A provider's or its vendor's.
    Provider,
    /// Ours: a service, its settings or its database; temporary, or until someone fixes it.
    Ours,
}

/// The properties of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meaning {
    word: &'static str,
    status: u16,
    fault: Fault,
    effect: Effect,
}

/// Generates the enum, the list of its members and their meanings from one table.
macro_rules! problem_codes {
    ($($(#[$doc:meta])* $code:ident $word:literal $status:literal $fault:ident $effect:ident;)*) => {
        /// The stable code of a problem, for programs. Codes are API: they do not change.
        ///
        /// ```
        /// use agent_pool_core::Effect;
        /// use agent_pool_core::wire::problem::{Fault, ProblemCode};
        ///
        /// let code = ProblemCode::InstanceBusy;
        /// assert_eq!((code.as_str(), code.status()), ("instance_busy", 409));
        /// assert_eq!((code.fault(), code.effect()), (Fault::Instance, Effect::NotDone));
        /// assert_eq!(ProblemCode::from("instance_busy"), code);
        /// assert_eq!(ProblemCode::from("new_in_2030").as_str(), "new_in_2030");
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $($(#[$doc])* $code,)*
            /// A code of another version.
            Other(Box<str>),
        }

        impl ProblemCode {
            /// Every code that this version knows.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// `None` for a code of another version.
            const fn meaning(&self) -> Option<Meaning> {
                Some(match self {
                    $(Self::$code => Meaning {
                        word: $word,
                        status: $status,
                        fault: Fault::$fault,
                        effect: Effect::$effect,
                    },)*
                    Self::Other(_) => return None,
                })
            }
        }
    };
}

#[rustfmt::skip]
problem_codes! {
    // The request itself.
    /// A header or the query is malformed.
    BadRequest             "bad_request"              400 Request  NotDone;
    /// The body is not JSON.
    MalformedJson          "malformed_json"           400 Request  NotDone;
    /// A member of the body or the query has a wrong value.
    InvalidField           "invalid_field"            400 Request  NotDone;
    /// The connection broke during the body.
    BrokenBody             "broken_body"              400 Request  NotDone;
    /// The body did not arrive in time.
    BodyTimeout            "body_timeout"             408 Request  NotDone;
    /// The body needs a `Content-Length`.
    LengthRequired         "length_required"          411 Request  NotDone;
    /// The body is too large.
    BodyTooLarge           "body_too_large"           413 Request  NotDone;
    /// The route does not accept the type of the body.
    UnsupportedMediaType   "unsupported_media_type"   415 Request  NotDone;
    /// There is no key, or a wrong one.
    Unauthorized           "unauthorized"             401 Request  NotDone;
    /// Many wrong keys came from the same address.
    TooManyWrongKeys       "too_many_wrong_keys"      429 Request  NotDone;
    /// There is no such path.
    UnknownRoute           "unknown_route"            404 Request  NotDone;
    /// The path has other methods.
    MethodNotAllowed       "method_not_allowed"       405 Request  NotDone;
    /// A form was sent by another site.
    ForeignForm            "foreign_form"             403 Request  NotDone;
    /// A reader's key may not change anything.
    ReadersRead            "readers_read"             403 Request  NotDone;

    // Pool: claims.
    /// `Idempotency-Key` is not a key.
    InvalidIdempotencyKey  "invalid_idempotency_key"  400 Request  NotDone;
    /// The key was used for another body.
    IdempotencyKeyReused   "idempotency_key_reused"   422 Request  NotDone;
    /// There is no such template.
    UnknownTemplate        "unknown_template"         404 Request  NotDone;
    /// No instance is idle.
    NoIdleInstance         "no_idle_instance"         503 Ours     NotDone;
    /// The client disconnected while its claim waited.
    HungUp                 "hung_up"                  503 Request  NotDone;
    /// Another replica took over the claim.
    Superseded             "superseded"               503 Ours     Unknown;
    /// The claim did not finish before its deadline.
    ClaimTimedOut          "claim_timed_out"          504 Ours     Unknown;
    /// The last instance that the claim tried failed.
    ClaimFailed            "claim_failed"             502 Instance Unknown;
    /// The runtime refused the content of the claim.
    RuntimeRefused         "runtime_refused"          422 Request  NotDone;

    // Pool: everything else.
    /// Services is not reachable, or overloaded.
    ServicesUnavailable    "services_unavailable"     503 Ours     Unknown;
    /// Services did not answer in time.
    ServicesTimedOut       "services_timed_out"       504 Ours     Unknown;
    /// Services refused a request of Pool.
    ServicesRefused        "services_refused"         502 Ours     NotDone;
    /// The answer of Services could not be read.
    ServicesFailed         "services_failed"          502 Ours     Unknown;
    /// There is no such pool.
    UnknownPool            "unknown_pool"             404 Request  NotDone;
    /// The pool has agents, or may not be deleted at all.
    PoolInUse              "pool_in_use"              409 Request  NotDone;
    /// Somebody else has changed the pool meanwhile.
    PoolChanged            "pool_changed"             409 Request  NotDone;
    /// The pool has no roll-out that can be retried or stopped.
    NoRollout              "no_rollout"               409 Request  NotDone;
    /// Only a crashed instance can be dismissed.
    NotCrashed             "not_crashed"              409 Request  NotDone;
    /// The instance is protected: it is not destroyed until the protection is lifted.
    InstanceProtected      "instance_protected"       409 Request  NotDone;
    /// Only an idle, claimed or crashed instance can be protected.
    NotProtectable         "not_protectable"          409 Request  NotDone;
    /// The instance has no invite: it is not claimed.
    NotClaimed             "not_claimed"              404 Request  NotDone;
    /// The instance does not wait, or no longer waits, for acceptance into a conversation.
    NotPending             "not_pending"              409 Request  NotDone;
    /// The agent may not ask for this tool: its pool does not give it on demand.
    ToolNotOnDemand        "tool_not_on_demand"       403 Request  NotDone;
    /// There is no such webhook or delivery, or its endpoint is disabled.
    UnknownWebhook         "unknown_webhook"          404 Request  NotDone;
    /// Another replica took over the tick.
    TickTakenOver          "tick_taken_over"          503 Ours     Unknown;

    // Services: instances.
    /// There is no such instance.
    UnknownInstance        "unknown_instance"         404 Instance NotDone;
    /// Another operation works on the instance.
    InstanceBusy           "instance_busy"            409 Instance NotDone;
    /// The instance is being destroyed.
    InstanceDestroying     "instance_destroying"      409 Instance NotDone;
    /// The creation of the instance did not succeed.
    InstanceUnfinished     "instance_unfinished"      409 Instance NotDone;
    /// The instance was destroyed during the operation.
    InstanceGone           "instance_gone"            409 Instance Unknown;
    /// The instance exists, with other tools.
    OtherTools             "other_tools"              409 Request  NotDone;
    /// The instance runs on another infra than the recipe names.
    OtherInfra             "other_infra"              409 Request  NotDone;
    /// The image is not one of the allowed ones.
    ImageNotAllowed        "image_not_allowed"        422 Request  NotDone;
    /// There are as many instances as Services allows.
    InstanceLimit          "instance_limit"           409 Ours     NotDone;
    /// There are as many local grants as Services allows.
    GrantLimit             "grant_limit"              429 Request  NotDone;
    /// Parts of an instance could not be destroyed.
    DestroyIncomplete      "destroy_incomplete"       503 Provider Unknown;

    /// Another deployment uses the environment's name in the same account.
    EnvironmentTaken       "environment_taken"        409 Ours     NotDone;

    // Services: providers.
    /// There is no such tool.
    UnknownTool            "unknown_tool"             400 Request  NotDone;
    /// There is no such infra.
    UnknownInfra           "unknown_infra"            400 Request  NotDone;
    /// A provider lacks settings.
    ProviderUnconfigured   "provider_unconfigured"    422 Ours     NotDone;
    /// Two tools set the same variable.
    ToolsClash             "tools_clash"              409 Request  NotDone;
    /// The instance was already provisioned by a claim, or already has the tool.
    AlreadyProvisioned     "already_provisioned"      409 Instance NotDone;
    /// The instance has no such resource.
    UnknownResource        "unknown_resource"         404 Request  NotDone;
    /// A sweep is running.
    SweepRunning           "sweep_running"            409 Ours     NotDone;
    /// No sweep has ended yet.
    NotSwept               "not_swept"                404 Ours     NotDone;
    /// The vendor refuses our credentials.
    VendorUnauthorized     "vendor_unauthorized"      502 Ours     NotDone;
    /// The vendor forbids it: a quota, a plan, a locked account.
    VendorRefused          "vendor_refused"           502 Provider NotDone;
    /// The vendor does not have a resource that should exist.
    VendorNotFound         "vendor_not_found"         502 Provider Unknown;
    /// The vendor is busy with the same resource.
    VendorConflict         "vendor_conflict"          503 Provider Unknown;
    /// The vendor calls our request invalid.
    VendorInvalid          "vendor_invalid"           502 Provider Unknown;
    /// The vendor limits our rate. Earlier calls of the operation may have had an effect.
    VendorRateLimited      "vendor_rate_limited"      503 Provider Unknown;
    /// The vendor is unreachable or failing.
    VendorUnavailable      "vendor_unavailable"       503 Provider Unknown;
    /// The vendor's answer could not be read.
    VendorProtocol         "vendor_protocol"          502 Provider Unknown;
    /// The provider cannot do this at all.
    Unsupported            "unsupported"              501 Provider NotDone;
    /// The provider's code is wrong.
    ProviderDefect         "provider_defect"          500 Provider Unknown;

    // Either service.
    /// The service is shutting down.
    ShuttingDown           "shutting_down"            503 Ours     NotDone;
    /// It cannot do its work yet: a service without its database, or a starting runtime.
    NotReady               "not_ready"                503 Instance NotDone;
    /// The database is not reachable. Services reads its rows before it calls a provider.
    DatabaseUnavailable    "database_unavailable"     503 Ours     NotDone;
    /// A row of the database cannot be read.
    CorruptRow             "corrupt_row"              500 Ours     Unknown;
    /// A stored secret cannot be decrypted.
    SecretUnreadable       "secret_unreadable"        500 Ours     Unknown;
    /// A bug, or a statement that the database refused: the log says which.
    InternalError          "internal_error"           500 Ours     Unknown;

    // A runtime.
    /// The conversation of `joinUrl` could not be joined.
    JoinFailed             "join_failed"              422 Request  Unknown;
    /// There is no such conversation.
    UnknownConversation    "unknown_conversation"     404 Request  NotDone;
    /// A message is too long.
    MessageTooLong         "message_too_long"         413 Request  NotDone;
    /// The instance cannot write its data.
    NotWritten             "not_written"              500 Instance Unknown;

    /// The answer had no code: it is not from one of our services, or from a very old one.
    WithoutCode            "without_code"             502 Ours     Unknown;
}

/// Maximum length of an unknown code, in characters.
const LONGEST_WORD: usize = 64;

impl ProblemCode {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(word) = self {
            return word;
        }
        self.meaning().map_or("", |meaning| meaning.word)
    }

    /// The HTTP status that it is sent with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.meaning() {
            Some(meaning) => meaning.status,
            None => 500,
        }
    }

    /// Who is at fault. For a code of another version this follows from the status: see
    /// [`Problem::fault`](super::Problem::fault).
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.meaning() {
            Some(meaning) => meaning.fault,
            None => Fault::Ours,
        }
    }

    /// Whether the request may have had an effect anyway.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match self.meaning() {
            Some(meaning) => meaning.effect,
            None => Effect::Unknown,
        }
    }

    /// Whether the meaning is known: the code is not of another version, nor missing.
    pub(super) const fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_) | Self::WithoutCode)
    }
}

impl From<&str> for ProblemCode {
    /// A code of another version is kept if it is a plain short word.
    fn from(word: &str) -> Self {
        let known = Self::ALL.iter().find(|code| code.as_str() == word);
        known.cloned().unwrap_or_else(|| {
            let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
            Self::Other(word.chars().take(LONGEST_WORD).map(plain).collect())
        })
    }
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProblemCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(&*word))
    }
}

/// A string and not a closed list, because a later version has further codes.
impl JsonSchema for ProblemCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProblemCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = Self::ALL.iter().map(Self::as_str).collect();
        json_schema!({
            "type": "string",
            "description": "The stable identifier of a problem, for programs. Identifiers are added over time.",
            "examples": words,
        })
    }
}

#[cfg(test)]
mod tests;
