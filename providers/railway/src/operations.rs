//! The operations, one file each: the request to Railway, and the parts of the answer that are read.

/// One GraphQL operation with a single root field.
#[derive(Debug)]
pub(crate) struct Operation {
    /// The operation's name in its document, which is that of its root field.
    pub(crate) name: &'static str,
    /// The document.
    pub(crate) text: &'static str,
}

macro_rules! operations {
    ($($constant:ident = $name:literal from $($file:literal)+;)+) => {
        $(pub(crate) const $constant: Operation = Operation {
            name: $name,
            text: concat!($(include_str!(concat!("operations/", $file, ".graphql"))),+),
        };)+

        /// Every operation, for the test against the vendor's schema.
        #[cfg(test)]
        pub(crate) const ALL: &[Operation] = &[$($constant),+];
    };
}

operations! {
    API_TOKEN = "apiToken" from "api_token";
    PROJECT_TOKEN = "projectToken" from "project_token";
    ENVIRONMENTS = "environments" from "environments";
    FLEET = "environment" from "fleet" "parts";
    ENVIRONMENT_NAME = "environment" from "environment_name";
    PROJECTS = "projects" from "projects" "parts";
    PROJECT = "project" from "project";
    SERVICE_INSTANCE = "serviceInstance" from "service_instance";
    DEPLOYMENT_LOGS = "deploymentLogs" from "deployment_logs";
    PROJECT_CREATE = "projectCreate" from "project_create";
    PROJECT_DELETE = "projectDelete" from "project_delete";
    SERVICE_CREATE = "serviceCreate" from "service_create";
    SERVICE_DELETE = "serviceDelete" from "service_delete";
    SERVICE_DOMAIN_CREATE = "serviceDomainCreate" from "service_domain_create";
    SERVICE_INSTANCE_DEPLOY = "serviceInstanceDeployV2" from "service_instance_deploy";
    VOLUME_CREATE = "volumeCreate" from "volume_create";
    VOLUME_UPDATE = "volumeUpdate" from "volume_update";
    VOLUME_DELETE = "volumeDelete" from "volume_delete";
    VARIABLES_UPSERT = "variableCollectionUpsert" from "variables_upsert";
    PATCH_COMMIT = "environmentPatchCommit" from "patch_commit";
}
