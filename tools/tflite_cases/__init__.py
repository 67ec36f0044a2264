"""Small TFLite models: one for each operator and each way a layout can change."""
