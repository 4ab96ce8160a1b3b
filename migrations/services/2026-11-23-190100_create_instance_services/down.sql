DROP TABLE instance_services;
