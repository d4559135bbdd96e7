variable "instance_arn" {
  type = string
}

variable "permission_set_arn" {
  type = string
}

resource "aws_ssoadmin_permission_set_inline_policy" "read_only_least_privilege" {
  instance_arn       = var.instance_arn
  permission_set_arn = var.permission_set_arn
  inline_policy      = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid = "S3ReadOrders"
        Effect = "Allow"
        Action = [
          "s3:GetObject",
          "s3:GetObjectVersion",
        ]
        Resource = [
          "arn:aws:s3:::orders/a $${*} 'b' \"c\" %%{d}",
          "arn:aws:s3:::orders/ü/$${$}{x}\\n",
        ]
      },
      {
        Sid = "IamPassRoleRunner"
        Effect = "Allow"
        Action = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/runner"
        Condition = {
          StringEquals = {
            "iam:PassedToService" = [
              "ec2.amazonaws.com",
              "lambda.amazonaws.com",
            ]
          }
        }
      },
    ]
  })
}
