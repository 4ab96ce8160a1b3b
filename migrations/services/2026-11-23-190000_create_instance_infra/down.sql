DROP TABLE instance_infra;
