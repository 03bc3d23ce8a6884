"""Adapters to HubSpot, DynamoDB, KMS, Secrets Manager, SQS, API Gateway, logs and metrics."""
