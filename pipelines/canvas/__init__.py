"""What is different when the picture is to become larger? Outpainting: the canvas, its flow and its masks."""
