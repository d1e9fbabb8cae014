resource "aws_sagemaker_device" "car" {
  device_fleet_name = aws_sagemaker_device_fleet.cars.device_fleet_name

  device {
    device_name = "terraform-car"
    description = "revision ${var.revision}"
  }
}
