"""Configuration files of servers: properties and YAML."""
