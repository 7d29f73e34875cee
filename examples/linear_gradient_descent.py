"""Linear regression by batch gradient descent: a line through four points."""

import numpy as np

from fastgd import gradient_descent

# the column of ones makes the intercept
x = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
y = np.array([6.0, 5.0, 7.0, 10.0])
theta = np.zeros(2)
alpha = 0.01
iterations = 2000

theta = gradient_descent(x, y, theta, alpha, iterations)

print(f"theta: {theta[0]:.4f} {theta[1]:.4f}")
print(f"the line is {theta[0]:.1f} + {theta[1]:.1f} x")
