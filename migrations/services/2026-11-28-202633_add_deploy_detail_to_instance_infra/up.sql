-- Why the deployment is as it is, in the infra's words: out of memory, an exit code, an image that cannot be pulled.
ALTER TABLE instance_infra ADD COLUMN deploy_detail text;
