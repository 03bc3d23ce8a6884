"""One module for each outside world: HubSpot, DynamoDB, KMS, Secrets Manager, SQS, API Gateway, logs and metrics."""
